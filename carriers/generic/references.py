"""Find the references of an event by the contract's expressions."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from carriers.generic.expressions import LONGEST_REFERENCE, Expression, quoted
from carriers.generic.options import Options, ReferenceRule
from relay.adapters.protocol import Unreadable
from relay.domain.events import Reference, ReferenceKind

_INVOICE_PARTS: Final = 3  # issuer, series, number


def references_of(options: Options, event: Any, root: Any) -> tuple[Reference, ...]:
    """Return the parcel's references, best first; `identifying` is required."""
    found = {}
    for rule in options.references:
        values = rule.path.texts(event) if rule.path else []
        values = values or (rule.document.texts(root) if rule.document else [])
        for value in _short(values):
            is_invoice = rule.kind is ReferenceKind.INVOICE
            normal = _normalised_invoice(value) if is_invoice else value
            found[rule.kind, normal] = Reference(kind=rule.kind, value=normal)
    needed = options.identifying_kind
    if all(kind is not needed for kind, _ in found):
        rules = options.references
        raise Unreadable(_missing_reference(needed, rules, event, root))
    return tuple(found.values())


def _short(values: Iterable[str]) -> list[str]:
    return [value for value in values if len(value) <= LONGEST_REFERENCE]


def _normalised_invoice(value: str) -> str:
    """Return `issuer/series/number` without punctuation and leading zeros.

    Carriers write `12.345.678/0001-90/001/000045`: the issuer's CNPJ has a slash.
    """
    parts = value.split("/")
    if len(parts) < _INVOICE_PARTS:
        return value
    issuer = "".join(c for c in "".join(parts[:-2]) if c.isalnum())
    return "/".join([issuer, *(part.strip().lstrip("0") or "0" for part in parts[-2:])])


def _missing_reference(
    kind: ReferenceKind, rules: Sequence[ReferenceRule], event: Any, root: Any
) -> str:
    """Say which expressions found no reference of *kind*, and how to fix it.

    The message has keys and expressions only, never content of the document.
    """
    ours = [rule for rule in rules if rule.kind is kind]
    tried = [f"path {quoted([rule.path])}" for rule in ours if rule.path]
    tried += [f"document {quoted([rule.document])}" for rule in ours if rule.document]
    says = f"references: no {kind} found; tried {', '.join(tried)}"
    hint = next(filter(None, (_hint(rule, event, root) for rule in ours)), "")
    hint = hint or _wrap_hint(ours, root)
    return f"{says}; {hint}" if hint else says


def _hint(rule: ReferenceRule, event: Any, root: Any) -> str:
    """Say where else the rule would find a value, or why its value is ignored."""
    here = [rule.path and (rule.path, event), rule.document and (rule.document, root)]
    if any(_finds(*place) for place in here if place):
        return f"the value found is longer than {LONGEST_REFERENCE} characters"
    if rule.path and not rule.document and _finds(rule.path, root):
        return "the document has it: write `document` in place of `path`"
    if rule.document and not rule.path and _finds(rule.document, event):
        return "the event has it: write `path` in place of `document`"
    return ""


def _wrap_hint(rules: Sequence[ReferenceRule], root: Any) -> str:
    paths = [path.text for rule in rules for path in (rule.path, rule.document) if path]
    wanted = any(text.startswith("polled.") for text in paths)
    if wanted and not (isinstance(root, dict) and "polled" in root):
        return "an answer has `polled` only with polling.wrap = true"
    return ""


def _finds(path: Expression, value: Any) -> bool:
    try:
        return bool(path.texts(value))
    except Unreadable:
        return False
