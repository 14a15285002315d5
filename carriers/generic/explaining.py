"""Why a document has no reference: keys and expressions, never its content."""

from collections.abc import Sequence
from typing import Any

from carriers.generic.expressions import LONGEST_REFERENCE, Expression, quoted
from carriers.generic.options import ReferenceRule
from relay.adapters.protocol import Unreadable
from relay.domain.events import ReferenceKind


def missing_reference(
    kind: ReferenceKind, rules: Sequence[ReferenceRule], event: Any, root: Any
) -> str:
    """Say where a reference of *kind* was looked for, and where it stands."""
    ours = [rule for rule in rules if rule.kind is kind]
    tried = [f"path {quoted([rule.path])}" for rule in ours if rule.path]
    tried += [f"document {quoted([rule.document])}" for rule in ours if rule.document]
    says = f"references: the {kind} is missing; tried {', '.join(tried)}"
    hint = next(filter(None, (_hint(rule, event, root) for rule in ours)), "")
    hint = hint or _unwrapped(ours, root)
    return f"{says}; {hint}" if hint else says


def _hint(rule: ReferenceRule, event: Any, root: Any) -> str:
    """Say what a rule would find elsewhere, or why it does not count."""
    here = [rule.path and (rule.path, event), rule.document and (rule.document, root)]
    if any(_found(*place) for place in here if place):
        return f"what is found is longer than {LONGEST_REFERENCE} characters"
    if rule.path and not rule.document and _found(rule.path, root):
        return "it stands on the document: write `document` in place of `path`"
    if rule.document and not rule.path and _found(rule.document, event):
        return "it stands on the event: write `path` in place of `document`"
    return ""


def _unwrapped(rules: Sequence[ReferenceRule], root: Any) -> str:
    """Say how an answer gets the reference that was asked for."""
    paths = [path.text for rule in rules for path in (rule.path, rule.document) if path]
    wanted = any(text.startswith("asked.") for text in paths)
    if wanted and not (isinstance(root, dict) and "asked" in root):
        return "an answer has `asked` only with polling.wrap = true"
    return ""


def _found(path: Expression, value: Any) -> bool:
    try:
        return bool(path.texts(value))
    except Unreadable:
        return False
