"""The rows of work lists, field by field."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import create_model
from pydantic.alias_generators import to_camel

from relay.domain.status import ShipmentState
from relay.domain.unknown_to_vtex import Actor, Lack
from relay.service.document_states import DocumentState
from relay.service.models import ResponseModel, StoredRow
from relay.service.timeline_models import EventNaming, EventReference
from relay.store.worklist_queries import WorkList

_LABELS: Final = {"id": "shipment"}


class Entry(StoredRow):
    """Base of a row; its fields are also the columns of a table."""

    @classmethod
    def columns(cls) -> list[str]:
        """Return the names of the columns, which are those of the JSON fields."""
        return [to_camel(name) for name in cls._ordered()]

    @classmethod
    def _ordered(cls) -> list[str]:
        return [*(n for n in cls.model_fields if n != "damage"), "damage"]

    @property
    def label(self) -> str:
        """Return which row it is, for messages."""
        names = ("event", "document", "request", "path", "id")
        name = next(n for n in names if n in type(self).model_fields)
        return f"{_LABELS.get(name, name)} {getattr(self, name)}"

    def cells(self) -> dict[str, Any]:
        """Return the values by field, in the order of the columns.

        Several values are joined into one text.
        """
        return {name: _cell(getattr(self, name)) for name in self._ordered()}


class ShipmentEntry(Entry):
    """Base of a row about one invoice of one order."""

    id: str
    account: str
    contract: str
    order_id: str
    invoice_number: str
    tracking_number: str | None


class StuckEntry(ShipmentEntry):
    """A shipment that needs an operator; `vtexResponse` is VTEX's last response."""

    stuck_reason: str
    since: datetime
    vtex_response: str | None


class ContradictedEntry(ShipmentEntry):
    """A shipment that VTEX shows as delivered, and what contradicts it."""

    contradicted_reason: str
    since: datetime
    last_event_at: datetime | None


class LateEntry(ShipmentEntry):
    """A shipment past its promised day."""

    promised_on: str
    last_event_at: datetime | None


class SilentEntry(ShipmentEntry):
    """A shipment without events for some days."""

    registered_at: datetime
    last_event_at: datetime | None


class WaitingEntry(ShipmentEntry):
    """A shipment that is published later; `since` is when it began to wait."""

    why: str | None
    since: datetime
    next_try_at: datetime | None


class UnknownToVtexEntry(ShipmentEntry):
    """A shipment of which VTEX does not know something, and who acts next."""

    state: ShipmentState
    lack: Lack
    why: str | None
    since: datetime
    next_actor: Actor
    next_try_at: datetime | None
    gives_up_at: datetime | None


class EventEntry(Entry):
    """Base of a row about a tracking event."""

    event: int
    contract: str
    occurred_at: datetime
    received_at: datetime
    milestone: str
    carrier_code: str
    description: str


class QuarantinedEntry(EventEntry):
    """An event that is not published until an operator releases it."""

    quarantine_reason: str
    id: str
    account: str
    volume: int | None
    order_id: str
    invoice_number: str
    tracking_number: str | None
    named_in: tuple[EventNaming, ...] = ()


class UnmatchedEntry(EventEntry):
    """An event that matches no label, and why."""

    unmatched_reason: str
    city: str
    state: str
    references: tuple[EventReference, ...]


class UnreadableEntry(Entry):
    """A document that its adapter could not parse, or only in part (`state`)."""

    document: int
    contract: str
    source: str
    state: DocumentState
    received_at: datetime
    size: int
    unreadable_reason: str


class RejectedEntry(Entry):
    """A webhook request that failed verification."""

    request: int
    contract: str
    received_at: datetime
    size: int
    rejected_reason: str


class RefusedEntry(Entry):
    """Refused requests of one kind at a webhook address, and how often.

    Without `contract` there is none of that name. What could be a secret in the
    `path` is redacted.
    """

    contract: str | None
    path: str
    method: str
    status: int
    refused_reason: str
    hint: str
    requests: int
    first_at: datetime
    last_at: datetime


class UnknownCodeEntry(Entry):
    """A carrier code that no code table maps, with its latest event.

    Without a code it is a text that no rule maps. `example` is that event's
    description, `reference` its parcel.
    """

    contract: str
    carrier_code: str
    events: int
    last_received_at: datetime
    example: str
    event: int
    reference: EventReference


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    return str(value) if isinstance(value, EventReference) else value


ENTRIES: Final[Mapping[WorkList, type[Entry]]] = {
    WorkList.STUCK: StuckEntry,
    WorkList.CONTRADICTED: ContradictedEntry,
    WorkList.QUARANTINED: QuarantinedEntry,
    WorkList.UNMATCHED: UnmatchedEntry,
    WorkList.UNREADABLE: UnreadableEntry,
    WorkList.REJECTED: RejectedEntry,
    WorkList.REFUSED: RefusedEntry,
    WorkList.UNKNOWN_CODES: UnknownCodeEntry,
    WorkList.LATE: LateEntry,
    WorkList.SILENT: SilentEntry,
    WorkList.WAITING: WaitingEntry,
    WorkList.UNKNOWN_TO_VTEX: UnknownToVtexEntry,
}


class EntryPage(ResponseModel):
    """A page; `next` is the cursor of the next one, None at the end."""

    entries: tuple[Any, ...]
    next: str | None = None


def _page_of(entry: type[Entry]) -> type[EntryPage]:
    """Make the model of a page of *entry*, so that OpenAPI names its fields."""
    return create_model(
        entry.__name__.removesuffix("Entry") + "List",
        __base__=EntryPage,
        __doc__=EntryPage.__doc__,
        entries=(tuple[entry, ...], ...),  # type: ignore[valid-type]
    )


PAGES: Final[Mapping[WorkList, type[EntryPage]]] = {
    name: _page_of(entry) for name, entry in ENTRIES.items()
}
