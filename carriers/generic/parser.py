"""Parse documents into events with the contract's expressions; pure."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from carriers.generic.codes import CodeMapping
from carriers.generic.expressions import (
    LONGEST_REFERENCE,
    Expression,
    first_text,
    kind_of,
    quoted,
)
from carriers.generic.handshakes import is_ping
from carriers.generic.options import Body, Options, ReferenceRule
from carriers.generic.times import TimeOptions
from relay.adapters.codes import SAME_TIME, both_values
from relay.adapters.protocol import Document, Unreadable
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.text import as_utf8

_LONGEST_TEXT: Final = 5000
"""In characters; the limit of every event's description."""
_FORM: Final = re.compile(rb"\s*[A-Za-z][\w.%+\[\]-]*=")
_FORM_HINT: Final = (
    "body: a form, not JSON; if one of its fields holds JSON, set "
    'body = { kind = "form_json", field = "its name" }'
)
_INVOICE_PARTS: Final = 3  # issuer, series, number


class Parser:
    """Parses the documents of one contract."""

    def __init__(self, options: Options, codes: CodeMapping, zone: ZoneInfo) -> None:
        self._options = options
        self._codes = codes
        self._zone = zone

    def parse(self, document: Document) -> list[TrackingEvent]:
        """Return the events of *document*; an empty one, or a ping, has none.

        Raises `Unreadable`, or another `ValueError` for invalid JSON.
        """
        if not document.body.strip():
            return []
        type_ = document.headers.get("content-type", "")
        root = decoded(document.body, type_, self._options.body)
        ping = self._options.ping
        if ping is None or not ping.holds(root):
            return self._events_unless_handshake(root)
        if self._is_about_a_parcel(root):
            raise Unreadable(
                f"ping: {ping.text!r} is true, but the document has a reference and an "
                "event; narrow the expression, then parse the document again"
            )
        return []

    def _events_unless_handshake(self, root: Any) -> list[TrackingEvent]:
        """Return the events; without any, a verified handshake is not unreadable."""
        try:
            return self._all_events(root)
        except ValueError:
            if is_ping(self._options.handshakes, root):
                return []
            raise

    def _all_events(self, root: Any) -> list[TrackingEvent]:
        groups = self._groups(root)
        return [e for items in groups for e in self._events(items, root)]

    def _is_about_a_parcel(self, root: Any) -> bool:
        """Whether a ping has an event of a parcel, which must not be lost silently.

        It is not parsed either: a test request may name a real parcel.
        """
        try:
            found = self._all_events(root)
        except ValueError:
            return False
        return any(event.carrier_code or event.description for event in found)

    def _groups(self, root: Any) -> Iterator[list[Any]]:
        """Yield the events of each parent, with the fields inherited from it."""
        *outer, inner = self._options.events.list
        parents = [root]
        for level in outer:
            parents = [item for p in parents for item in _items(level, p, root)]
        inherit = self._options.events.inherit
        for parent in parents:
            more = {name: path.find(parent) for name, path in inherit.items()}
            yield [item | more for item in _items(inner, parent, root)]

    def _events(self, items: list[Any], root: Any) -> Iterator[TrackingEvent]:
        """Yield the events of one parent, oldest first, without duplicates."""
        document = self._options.events.document
        more = {name: path.find(root) for name, path in document.items()}
        newest_first = self._options.order == "newest_first"
        once = {}
        for item in reversed(items) if newest_first else items:
            event = self._event(item | more, root)
            # Without a code, only the text tells two events of one instant apart.
            text = "" if event.carrier_code else event.description
            once[event.references, event.occurred_at, event.carrier_code, text] = event
        in_time = sorted(once.values(), key=lambda event: event.occurred_at)
        for position, event in enumerate(in_time):
            yield event.model_copy(update={"position": position})

    def _event(self, event: Any, root: Any) -> TrackingEvent:
        options = self._options
        parts = [path.text_in(event) for path in options.code.paths]
        code = self._codes.normalised(options.code.separator.join(filter(None, parts)))
        text = first_text(options.text, event)
        row = self._codes.row(code, text)
        occurred_at = options.time.parse(event, code, self._zone)
        denied = self._denials(event, occurred_at.at) if row.may_end else []
        if denied:
            row, code = row.contradicted(), both_values(code or text, *denied)
        place = options.place
        return row.event(
            code,
            description=(text or row.text)[:_LONGEST_TEXT],
            references=self._references(event, root),
            occurred_at=occurred_at,
            city=place.city.text_in(event) if place.city else "",
            state=place.state.text_in(event) if place.state else "",
            country=place.country.text_in(event) if place.country else "",
        )

    def _denials(self, event: Any, occurred_at: datetime) -> list[str]:
        """Return the values by which the second code or time denies a delivery.

        A missing value denies it too: a misspelt path must not switch the check off.
        """
        check = self._options.cross_check
        if check is None:
            return []
        found = []
        if check.code:
            second = self._codes.normalised(first_text(check.code, event))
            if self._codes.row(second, "").milestone is not Milestone.DELIVERED:
                found.append(second or "no second code")
        if check.time is not None:
            found += _second_time(check.time, event, occurred_at, self._zone)
        return found

    def _references(self, event: Any, root: Any) -> tuple[Reference, ...]:
        """Return the parcel's references, best first; `identifying` is required."""
        found = {}
        for rule in self._options.references:
            values = rule.path.texts(event) if rule.path else []
            values = values or (rule.document.texts(root) if rule.document else [])
            for value in _short(values):
                is_invoice = rule.kind is ReferenceKind.INVOICE
                normal = _normalised_invoice(value) if is_invoice else value
                found[rule.kind, normal] = Reference(kind=rule.kind, value=normal)
        needed = self._options.identifying_kind
        if all(kind is not needed for kind, _ in found):
            rules = self._options.references
            raise Unreadable(_missing_reference(needed, rules, event, root))
        return tuple(found.values())


def _second_time(
    time: TimeOptions, event: Any, occurred_at: datetime, zone: ZoneInfo
) -> list[str]:
    """Return both times if they are not the same, or say that there is no second."""
    try:
        second = time.parse(event, "", zone).at
    except Unreadable:
        return ["no second time"]
    if abs(second - occurred_at) <= SAME_TIME:
        return []
    return [f"{occurred_at:%Y-%m-%d}", f"{second:%Y-%m-%d}"]


def decoded(body: bytes, content_type: str, how: Body) -> Any:
    """Return the JSON value of *body*; `application/json` is always plain JSON.

    So answers to polling, which are JSON, work in a contract whose webhooks are
    forms.
    """
    is_json = content_type.startswith("application/json")
    if how.kind == "form_json" and not is_json:
        # Latin-1 keeps the bytes of percent escapes, whatever their charset is.
        form = body.decode("latin-1")
        fields = parse_qs(form, strict_parsing=True, encoding="latin-1")
        name = how.field.encode().decode("latin-1")
        if name not in fields:
            raise Unreadable(f"body.field: the form has no field {how.field!r}")
        body = as_utf8(fields[name][0].encode("latin-1"), content_type)
    elif how.kind == "base64_json" and not is_json:
        body = as_utf8(base64.b64decode(body, validate=False), content_type)
    try:
        return json.loads(body)
    except RecursionError:
        raise Unreadable("body: nested too deeply") from None
    except json.JSONDecodeError:
        if how.kind == "json" and _FORM.match(body):
            raise Unreadable(_FORM_HINT) from None
        raise


def _items(path: Expression, value: Any, root: Any) -> list[dict[str, Any]]:
    """Return the objects that *path* finds: a list, or a single one."""
    found = path.find(value)
    if found is None and value is root:
        raise Unreadable(
            f"events.list: {path.text!r} finds nothing, and this is not a ping"
        )
    items = found if isinstance(found, list) else [found] if found is not None else []
    wrong = [item for item in items if not isinstance(item, dict)]
    if wrong:
        within = " in a list" if isinstance(found, list) else ""
        raise Unreadable(
            f"events.list: {path.text!r} finds {kind_of(wrong[0])}{within}, "
            "not an object"
        )
    return items


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
