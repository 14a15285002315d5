"""From a document to events, by the contract's expressions: pure."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from carriers.generic.explaining import missing_reference
from carriers.generic.expressions import LONGEST_REFERENCE, Expression, first_text
from carriers.generic.meaning import Meaning
from carriers.generic.options import Body, Options
from carriers.generic.shapes import kind
from relay.adapters.protocol import Document, Unreadable
from relay.domain.events import Reference, ReferenceKind, TrackingEvent

_LONGEST_TEXT: Final = 5000  # characters, as of any description
_INVOICE_PARTS: Final = 3  # issuer, series, number


class Reader:
    """Reads the documents of one contract."""

    def __init__(self, options: Options, meaning: Meaning, zone: ZoneInfo) -> None:
        self._options = options
        self._meaning = meaning
        self._zone = zone

    def read(self, document: Document) -> list[TrackingEvent]:
        """Translate *document*; an empty one, or a ping, gives no event.

        Raises `Unreadable`, or another `ValueError` for what is no JSON.
        """
        if not document.body.strip():
            return []
        type_ = document.headers.get("content-type", "")
        root = decoded(document.body, self._options.body, type_)
        if self._options.ping and self._options.ping.holds(root):
            return []
        groups = self._groups(root)
        return [e for items in groups for e in self._events(items, root)]

    def _groups(self, root: Any) -> Iterator[list[Any]]:
        """Yield the events of each parent, with what they inherit of it."""
        *outer, inner = self._options.events.list
        parents = [root]
        for level in outer:
            parents = [item for p in parents for item in _items(level, p, root)]
        inherit = self._options.events.inherit
        for parent in parents:
            more = {name: path.find(parent) for name, path in inherit.items()}
            yield [item | more for item in _items(inner, parent, root)]

    def _events(self, items: list[Any], root: Any) -> Iterator[TrackingEvent]:
        """Yield the events of one parent, oldest first and each once."""
        document = self._options.events.document
        more = {name: path.find(root) for name, path in document.items()}
        newest_first = self._options.order == "newest_first"
        once = {}
        for item in reversed(items) if newest_first else items:
            event = self._event(item | more, root)
            words = "" if event.carrier_code else event.description
            once[event.references, event.occurred_at, event.carrier_code, words] = event
        in_time = sorted(once.values(), key=lambda event: event.occurred_at)
        for position, event in enumerate(in_time):
            yield event.model_copy(update={"position": position})

    def _event(self, event: Any, root: Any) -> TrackingEvent:
        options = self._options
        parts = [path.text_in(event) for path in options.code.paths]
        code = self._meaning.spelled(options.code.separator.join(filter(None, parts)))
        text = first_text(options.text, event)
        row = self._meaning.row(code, text)
        place = options.place
        return TrackingEvent(
            references=self._references(event, root),
            milestone=row.milestone,
            occurred_at=options.time.read(event, code, self._zone),
            description=(text or row.text)[:_LONGEST_TEXT],
            carrier_code=code,
            reason=row.reason,
            effect=row.effect,
            final=row.final,
            undoes=row.undoes,
            city=place.city.text_in(event) if place.city else "",
            state=place.state.text_in(event) if place.state else "",
            country=place.country.text_in(event) if place.country else "",
        )

    def _references(self, event: Any, root: Any) -> tuple[Reference, ...]:
        """Return what names the parcel, best first; one kind must be there."""
        found = {}
        for rule in self._options.references:
            values = rule.path.texts(event) if rule.path else []
            values = values or (rule.document.texts(root) if rule.document else [])
            for value in _short(values):
                spelled = _invoice(value) if rule.kind in _INVOICES else value
                found[rule.kind, spelled] = Reference(kind=rule.kind, value=spelled)
        needed = self._options.identifying_kind
        if all(kind is not needed for kind, _ in found):
            rules = self._options.references
            raise Unreadable(missing_reference(needed, rules, event, root))
        return tuple(found.values())


_INVOICES: Final = frozenset({ReferenceKind.INVOICE})


def decoded(body: bytes, how: Body, content_type: str) -> Any:
    """Return the JSON value of *body*; what is said to be JSON is read as JSON."""
    is_json = content_type.startswith("application/json")
    if how.kind == "form_json" and not is_json:
        fields = parse_qs(body.decode(), strict_parsing=True)
        if how.field not in fields:
            raise Unreadable(f"body.field: the form has no field {how.field!r}")
        body = fields[how.field][0].encode()
    elif how.kind == "base64_json" and not is_json:
        body = base64.b64decode(body, validate=False)
    try:
        return json.loads(body)
    except RecursionError:
        raise Unreadable("body: it is nested too deeply") from None


def _items(path: Expression, value: Any, root: Any) -> list[dict[str, Any]]:
    """Return the objects that *path* finds: a list of them, or one alone."""
    found = path.find(value)
    if found is None and value is root:
        says = f"{path.text!r} finds nothing, and it is no ping"
        raise Unreadable(f"events.list: {says}")
    items = found if isinstance(found, list) else [found] if found is not None else []
    wrong = [item for item in items if not isinstance(item, dict)]
    if wrong:
        within = " in a list" if isinstance(found, list) else ""
        says = f"{path.text!r} finds {kind(wrong[0])}{within}, no object"
        raise Unreadable(f"events.list: {says}")
    return items


def _short(values: Iterable[str]) -> list[str]:
    return [value for value in values if len(value) <= LONGEST_REFERENCE]


def _invoice(value: str) -> str:
    """Spell `issuer/series/number` as it is compared: zeros and punctuation cut."""
    parts = value.split("/")
    if len(parts) < _INVOICE_PARTS:
        return value
    issuer = "".join(c for c in "".join(parts[:-2]) if c.isalnum())
    return "/".join([issuer, *(part.strip().lstrip("0") or "0" for part in parts[-2:])])
