"""Tracking that an ERP or hub sends in VTEX's form, in place of a carrier."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from carriers.vtex_endpoint.payload import (
    MOST_EVENTS,
    Event,
    Tracking,
    Update,
    parse_moment,
)
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.denials import denies_delivery
from relay.adapters.endpoint import invoice_reference
from relay.adapters.options import refuse_unknown
from relay.adapters.parts import EventOrder, Parsed, attempt, order_of
from relay.adapters.protocol import (
    ContractOptions,
    Document,
    Unreadable,
    UnreadablePart,
    WebhookRequest,
)
from relay.adapters.signatures import check_secret
from relay.adapters.texts import may_deliver
from relay.domain.event_time import HOUR, EventTime
from relay.domain.events import (
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)

DELIVERED = "isDelivered"


class Adapter:
    """Maps known texts; `isDelivered` alone makes a delivery."""

    display_name = "Transportadora"
    identifying = ReferenceKind.SHIPMENT_ID
    stored_headers: frozenset[str] = frozenset()
    personal_fields: tuple[str, ...] = ()
    parses_vtex_updates: Literal[True] = True

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options)
        self._codes = CodeTable.load(__name__, contract.codes)
        self._secrets = contract.secrets
        self._zone = contract.zone

    def verify(self, request: WebhookRequest) -> None:
        """Check the secret of a webhook, which has the form of a stored update."""
        check_secret(request.headers.get("x-vtex-api-apptoken", ""), self._secrets)

    def parse(self, document: Document) -> list[Parsed]:
        """Return the events of an update; one without tracking has none."""
        update = Update.model_validate_json(document.body)
        if update.method == "PATCH":
            return []
        if not isinstance(update.body, dict):
            raise Unreadable("body: must be a JSON object", fixed=True)
        tracking = Tracking.model_validate(update.body)
        if len(tracking.events) > MOST_EVENTS:
            raise Unreadable(f"body.events: more than {MOST_EVENTS:,}")
        named = (
            invoice_reference(update.account, update.order_id, update.invoice_number),
        )
        parts: list[Parsed] = [
            attempt(f"body.events.{index}", partial(self._event, raw, named))
            for index, raw in enumerate(tracking.events)
        ]
        parts = _placed(parts)
        if tracking.is_delivered:
            parts = self._delivered(parts, tracking, update, named)
        return parts

    def tracking_url(self, parcel: ParcelView) -> str | None:  # noqa: ARG002
        """Return None: the caller sends the page, or the contract has it."""
        return None

    def _event(self, raw: Any, named: tuple[Reference, ...]) -> TrackingEvent:
        """Return one event; its text never proves a delivery."""
        event = Event.model_validate(raw)
        row = self._codes[event.code]
        return row.event(
            event.code,
            description=event.text,
            occurred_at=event.happened_at(self._zone),
            references=named,
            city=event.city or "",
            state=event.state or "",
        )

    def _delivered(
        self,
        parts: Sequence[Parsed],
        tracking: Tracking,
        update: Update,
        named: tuple[Reference, ...],
    ) -> list[Parsed]:
        """Return *parts* with the delivery: the newest event, or one of its own.

        The newest event is the delivery if its text has no other meaning, and its time
        is the delivery's. A text that means a return contradicts the delivery, and so
        does one of the same time that denies it.
        """
        at = tracking.delivered_at(self._zone)
        events = [part for part in parts if isinstance(part, TrackingEvent)]
        newest = max(events, key=_ending, default=None)
        row = self._codes[DELIVERED]
        if newest is not None and _denies(newest, at):
            row = row.contradicted()
        elif newest is not None and newest.unmapped and _may_be(newest, at):
            one = _merged(row, newest, at)
            return [one if part is newest else part for part in parts]
        if at is None:
            at = _time_of(newest) if newest is not None else self._received(update)
        own = row.event(
            DELIVERED, occurred_at=at, references=named, position=len(parts)
        )
        return [*parts, own]

    def _received(self, update: Update) -> EventTime:
        """Return the hour in which a delivery without any date was reported.

        To the hour, because the report follows the delivery at some distance, and so
        that a call that is repeated is the same event.
        """
        if not update.received_at:
            raise Unreadable("deliveredDate: required without events", fixed=True)
        reported = parse_moment(update.received_at, self._zone, "receivedAt").at
        return EventTime(reported.replace(minute=0, second=0, microsecond=0), HOUR)


def _placed(parts: list[Parsed]) -> list[Parsed]:
    """Return *parts* with their positions, oldest first as far as the times show."""
    newest_first = order_of(parts) is EventOrder.NEWEST_FIRST
    return [
        part
        if isinstance(part, UnreadablePart)
        else part.model_copy(
            update={"position": len(parts) - 1 - index if newest_first else index}
        )
        for index, part in enumerate(parts)
    ]


def _ending(event: TrackingEvent) -> tuple[datetime, int]:
    """Return the sort key of the newest event: a day ends after its hours."""
    return event.occurred_at + event.precision, event.position


def _time_of(event: TrackingEvent) -> EventTime:
    return EventTime(event.occurred_at, event.precision, event.midnight)


def _may_be(event: TrackingEvent, at: EventTime | None) -> bool:
    """Whether *event* may be the delivery at *at*: one unit includes the other."""
    if at is None:
        return True
    begins, ends = event.occurred_at, event.occurred_at + event.precision
    return begins < at.at + at.precision and at.at < ends


def _denies(newest: TrackingEvent, at: EventTime | None) -> bool:
    """Whether the *newest* event contradicts a delivery at *at*.

    An attempt that failed earlier does not, nor does a parcel that is out for delivery.
    """
    if not may_deliver(newest.description):
        return True
    failed = newest.unmapped or newest.milestone is Milestone.DELIVERY_FAILED
    return failed and _may_be(newest, at) and denies_delivery(newest.description)


def _merged(row: CodeRow, newest: TrackingEvent, at: EventTime | None) -> TrackingEvent:
    """Return the newest event as the delivery, at the more precise of both times."""
    time = _time_of(newest)
    if at is not None and at.precision <= time.precision:
        time = at
    return row.event(
        DELIVERED,
        description=newest.description,
        occurred_at=time,
        references=newest.references,
        position=newest.position,
        city=newest.city,
        state=newest.state,
    )
