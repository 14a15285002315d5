"""Parse documents into events with the contract's expressions; pure."""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from carriers.generic.codes import CodeMapping
from carriers.generic.expressions import all_texts, first_text
from carriers.generic.handshakes import is_ping
from carriers.generic.items import Item, Items, groups_of
from carriers.generic.options import Body, Options
from carriers.generic.references import references_of
from carriers.generic.times import TimeOptions
from relay.adapters.codes import SAME_TIME, CodeRow, both_values
from relay.adapters.parts import (
    EventOrder,
    Parsed,
    attempt,
    hold_deliveries,
    only_error_raised,
    order_of,
)
from relay.adapters.protocol import Document, Unreadable, UnreadablePart
from relay.domain.events import Milestone, TrackingEvent
from relay.text import as_utf8

_LONGEST_TEXT: Final = 5000
"""In characters; the limit of every event's description."""
_FORM: Final = re.compile(rb"\s*[A-Za-z][\w.%+\[\]-]*=")
_FORM_HINT: Final = (
    "body: a form, not JSON; if one of its fields holds JSON, set "
    'body = { kind = "form_json", field = "its name" }'
)


class Parser:
    """Parses the documents of one contract."""

    def __init__(self, options: Options, codes: CodeMapping, zone: ZoneInfo) -> None:
        self._options = options
        self._codes = codes
        self._zone = zone

    def parse(self, document: Document) -> list[Parsed]:
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
                "event; narrow the expression, then parse the document again",
                fixed=True,
            )
        return []

    def _events_unless_handshake(self, root: Any) -> list[Parsed]:
        """Return the events; without any, a verified handshake is not unreadable."""
        try:
            parts = only_error_raised(self._all_parts(root))
        except ValueError:
            if is_ping(self._options.handshakes, root):
                return []
            raise
        if any(isinstance(part, TrackingEvent) for part in parts):
            return parts
        return [] if is_ping(self._options.handshakes, root) else parts

    def _all_parts(self, root: Any) -> list[Parsed]:
        events = self._options.events
        more = {name: path.find(root) for name, path in events.document.items()}
        groups = groups_of(events, root)
        return [part for items in groups for part in self._parts(items, more, root)]

    def _is_about_a_parcel(self, root: Any) -> bool:
        """Whether a ping has an event of a parcel, which must not be lost silently.

        It is not parsed either: a test request may name a real parcel.
        """
        try:
            found = self._all_parts(root)
        except ValueError:
            return False
        return any(
            bool(part.carrier_code or part.description)
            for part in found
            if isinstance(part, TrackingEvent)
        )

    def _parts(
        self, items: Items, more: Mapping[str, Any], root: Any
    ) -> Iterator[Parsed]:
        """Yield the events of one parent, oldest first, and its unreadable parts."""
        newest_first = self._options.order == "newest_first"
        items = [
            replace(item, fields=item.fields | more) if isinstance(item, Item) else item
            for item in (reversed(items) if newest_first else items)
        ]
        parts: Sequence[Parsed] = [
            attempt(item.position, partial(self._event, item.fields, root))
            if isinstance(item, Item)
            else item
            for item in items
        ]
        bad = [part for part in parts if isinstance(part, UnreadablePart)]
        if bad:
            parts = self._held(items, parts, root)
        yield from _in_time(parts)
        yield from bad

    def _held(
        self, items: Items, parts: Sequence[Parsed], root: Any
    ) -> Sequence[Parsed]:
        """Return *parts*, in which bad ones hold the deliveries of their own parcel."""
        named = [
            self._parcel(item, part, root)
            for item, part in zip(items, parts, strict=True)
        ]
        parcels = {name for name in named if name}
        if len(parcels) > 1 and not all(named):
            return hold_deliveries(parts, EventOrder.UNKNOWN)
        by_parcel: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(named):
            by_parcel[name if len(parcels) > 1 else ""].append(index)
        held = list(parts)
        for mine in by_parcel.values():
            own = [parts[index] for index in mine]
            for index, part in zip(
                mine, hold_deliveries(own, order_of(own)), strict=True
            ):
                held[index] = part
        return held

    def _parcel(self, item: Item | UnreadablePart, part: Parsed, root: Any) -> str:
        """Return the identifying reference of a part; empty if it has none."""
        kind = self._options.identifying_kind
        try:
            references = (
                part.references
                if isinstance(part, TrackingEvent)
                else references_of(
                    self._options, item.fields if isinstance(item, Item) else {}, root
                )
            )
        except ValueError:
            return ""
        return next(r.compared for r in references if r.kind is kind)

    def _event(self, event: Any, root: Any) -> TrackingEvent:
        options = self._options
        parts = [path.text_in(event) for path in options.code.paths]
        code = self._codes.normalised(options.code.separator.join(filter(None, parts)))
        text = first_text(options.text, event)
        row = self._checked(self._codes.row(code, text), event)
        occurred_at = options.time.parse(event, code, self._zone)
        denied = self._denials(event, occurred_at.at) if row.may_end else []
        if denied:
            row, code = row.contradicted(), both_values(code or text, *denied)
        place = options.place
        return row.event(
            code,
            description=(text or row.text)[:_LONGEST_TEXT],
            references=references_of(options, event, root),
            occurred_at=occurred_at,
            city=place.city.text_in(event) if place.city else "",
            state=place.state.text_in(event) if place.state else "",
            country=place.country.text_in(event) if place.country else "",
        )

    def _checked(self, row: CodeRow, event: Any) -> CodeRow:
        """Return *row*; all texts of a delivery count, not only the one shown."""
        if not row.may_end:
            return row
        texts = all_texts(self._options.text, event)
        return row.given(*texts).checked(*map(self._codes.by_text, texts))

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


def _in_time(parts: Sequence[Parsed]) -> Iterator[TrackingEvent]:
    """Yield the events among *parts*, oldest first, without duplicates."""
    events = [part for part in parts if isinstance(part, TrackingEvent)]
    if len(events) > 1:
        events = sorted(_once(events), key=lambda event: event.occurred_at)
    for position, event in enumerate(events):
        if event.position == position:
            yield event
        else:
            yield event.model_copy(update={"position": position})


def _once(events: Sequence[TrackingEvent]) -> list[TrackingEvent]:
    once = {}
    for event in events:
        # Without a code, only the text tells two events of one instant apart.
        text = "" if event.carrier_code else event.description
        once[event.references, event.occurred_at, event.carrier_code, text] = event
    return list(once.values())


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
            raise Unreadable(
                f"body.field: the form has no field {how.field!r}", fixed=True
            )
        body = as_utf8(fields[name][0].encode("latin-1"), content_type)
    elif how.kind == "base64_json" and not is_json:
        body = as_utf8(base64.b64decode(body, validate=False), content_type)
    try:
        return json.loads(body)
    except RecursionError:
        raise Unreadable("body: nested too deeply", fixed=True) from None
    except json.JSONDecodeError:
        if how.kind == "json" and _FORM.match(body):
            raise Unreadable(_FORM_HINT) from None
        raise
