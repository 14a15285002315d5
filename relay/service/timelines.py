"""A shipment's timeline: each line by itself, so that a damaged one hides no other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from relay.clock import moment
from relay.domain.events import as_written
from relay.service.damage import DamageLog, RowGuard
from relay.service.models import StoredRow
from relay.service.timeline_models import (
    CallLine,
    DocumentLine,
    EventLine,
    NoteLine,
    ParcelPoll,
    PublishedLine,
    ShipmentHistory,
)
from relay.service.views import event_namings
from relay.store.codec import as_dict, at, loads
from relay.store.database import Row
from relay.store.naming_documents import NamingDocument
from relay.store.shipment_lists import Timeline

L = TypeVar("L", bound=StoredRow)
Fields = Mapping[str, Any]

_COLUMNS: Final[Mapping[type[StoredRow], Mapping[str, str]]] = {
    DocumentLine: {"id": "document", "parsed_at": "read_at"},
    EventLine: {"id": "event", "carrier_code": "code"},
    CallLine: {"id": "call"},
    NoteLine: {"at": "noted_at"},
    ParcelPoll: {"next_poll_at": "poll_at"},
}
"""The columns of renamed fields."""


@dataclass(frozen=True, slots=True)
class TimelineView:
    """Turns what is stored about a shipment into lines; notes damaged ones in `log`."""

    log: DamageLog

    def history(self, timeline: Timeline) -> ShipmentHistory:
        """Return everything stored about a shipment, each list in order of time."""
        lines = self._lines
        return ShipmentHistory(
            documents=lines("document", DocumentLine, _document, timeline.documents),
            events=lines(
                "event",
                EventLine,
                partial(_event, named_in=timeline.named_in),
                timeline.events,
            ),
            published=lines(
                "published_event", PublishedLine, _published, timeline.published
            ),
            calls=lines("call", CallLine, _call, reversed(timeline.calls)),
            notes=lines("note", NoteLine, _note, reversed(timeline.notes)),
        )

    def polls(self, rows: Iterable[Row]) -> tuple[ParcelPoll, ...]:
        """Return when carriers were and will be polled for parcels."""
        return self._lines("parcel_poll", ParcelPoll, _poll, rows)

    def _lines(
        self,
        kind: str,
        model: type[L],
        build: Callable[[Fields], L],
        rows: Iterable[Row],
    ) -> tuple[L, ...]:
        guard = RowGuard(self.log, kind, "line", _COLUMNS.get(model, {}))
        return tuple(
            guard.shown(partial(build, fields), model, fields)
            for fields in map(partial(_fields, kind), rows)
        )


def _fields(kind: str, row: Row) -> dict[str, Any]:
    """Return the columns of a row as lines show them; `line` is its key."""
    fields = as_dict(row)
    key = ("shipment", "contract", "volume", "occurred_at", "code")
    if kind in fields:  # its number
        fields["line"] = fields[kind]
    else:
        fields["line"] = tuple(fields.get(name) for name in key)
    if "sent" in fields:
        fields["sent"] = bool(fields["sent"])  # SQLite has no Boolean
    if kind != "parcel_poll" and "volume" in fields:
        fields["volume"] = fields["volume"] or None
    return fields


def _document(row: Fields) -> DocumentLine:
    return DocumentLine(
        id=row["document"],
        contract=row["contract"],
        source=row["source"],
        received_at=moment(row["received_at"]),
        parsed_at=at(row["read_at"]),
        new_events=row["new_events"],
        unreadable_reason=row["unreadable_reason"],
    )


def _event(row: Fields, named_in: Mapping[int, Sequence[NamingDocument]]) -> EventLine:
    names = ("milestone", "reason", "effect", "description", "city", "state")
    return EventLine(
        **{name: row[name] for name in (*names, "country", "decision")},
        id=row["event"],
        volume=row["volume"],
        occurred_at=as_written(moment(row["occurred_at"])),
        received_at=moment(row["received_at"]),
        carrier_code=row["code"],
        quarantine_reason=None if row["decision"] else row["quarantine_reason"],
        named_in=event_namings(named_in.get(row["event"], ())),
    )


def _published(row: Fields) -> PublishedLine:
    return PublishedLine(
        volume=row["volume"],
        code=row["code"],
        object=loads(row["object"]),
        event=row["event"],
        stored_at=moment(row["stored_at"]),
        accepted_at=at(row["accepted_at"]),
        withdrawn_at=at(row["withdrawn_at"]),
    )


def _call(row: Fields) -> CallLine:
    names = ("kind", "body", "sent", "status", "receipt")
    return CallLine(
        **{name: row[name] for name in names},
        id=row["call"],
        message=row["message"],
        stored_at=moment(row["stored_at"]),
        answered_at=at(row["answered_at"]),
    )


def _note(row: Fields) -> NoteLine:
    return NoteLine(at=moment(row["noted_at"]), text=row["text"])


def _poll(row: Fields) -> ParcelPoll:
    return ParcelPoll(
        contract=row["contract"],
        volume=row["volume"],
        polled_at=at(row["polled_at"]),
        next_poll_at=at(row["poll_at"]),
    )
