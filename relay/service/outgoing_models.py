"""Receivers and outgoing events, field by field, and what may be asked of them."""

from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from relay.registration.requests import Request
from relay.service.models import ResponseModel
from relay.service.queries import Cursor, Paging
from relay.store.outgoing_events import DeliveryState
from relay.validation_errors import problem

DESCRIBED: Final = ConfigDict(use_attribute_docstrings=True)
"""The text under a field is its description."""
ReceiverHealth = Literal["works", "new", "failing", "disabled"]


class ReceiverEntry(ResponseModel):
    """A receiver of outgoing events; of its address only scheme and host are shown."""

    model_config = DESCRIBED

    name: str
    """Its name in the settings."""
    host: str
    """Scheme and host of its address."""
    types: tuple[str, ...]
    """The types of events that it gets; empty: all."""
    accounts: tuple[str, ...]
    """The accounts of which it gets events; empty: all."""
    state: ReceiverHealth
    """`works`, `new`: not called yet, `failing`, or `disabled`: it answered 410."""
    since: datetime | None
    """Since when it fails or is disabled; null: it does not."""
    reason: str | None
    """Why the last call failed; null: it did not."""
    last_delivered_at: datetime | None
    """When it last took an event; null: never."""
    waiting: int
    """Events that wait to be delivered."""
    oldest_at: datetime | None
    """When the oldest of them was recorded; null: none waits."""
    failed: int
    """Events that were given up."""


class ReceiverList(ResponseModel):
    """The configured receivers."""

    model_config = DESCRIBED

    receivers: tuple[ReceiverEntry, ...]
    """The receivers."""


class OutgoingDelivery(ResponseModel):
    """What became of an event at one receiver."""

    model_config = DESCRIBED

    receiver: str
    """The receiver's name in the settings."""
    state: DeliveryState
    """`waiting`, `delivered`, or `failed`: given up."""
    attempts: int
    """How often it was tried."""
    status: int | None
    """The HTTP status of the last answer; null: there was none."""
    error: str | None
    """Why the last attempt failed; null: it did not."""
    tried_at: datetime | None
    """When it was tried last; null: not yet."""
    next_at: datetime | None
    """When it is tried next; null: it is not."""
    gives_up_at: datetime
    """Until when it is tried."""
    delivered_at: datetime | None
    """When the receiver took it; null: it did not."""


class OutgoingEntry(ResponseModel):
    """An outgoing event and its deliveries."""

    model_config = DESCRIBED

    id: str
    """Its id, as in the header `webhook-id`."""
    sequence: int
    """Its number, which grows with the time of recording."""
    type: str
    """What happened."""
    account: str | None
    """The account; null: it is about none."""
    shipment_id: str | None
    """The shipment's id; null: it is about none."""
    occurred_at: datetime
    """When it happened."""
    recorded_at: datetime
    """When it was recorded."""
    deliveries: tuple[OutgoingDelivery, ...]
    """What became of it, by receiver."""


class OutgoingDetail(OutgoingEntry):
    """An outgoing event with the body that receivers get."""

    body: dict[str, Any]
    """The body that receivers get."""


class OutgoingList(ResponseModel):
    """Outgoing events, the newest first."""

    model_config = DESCRIBED

    events: tuple[OutgoingEntry, ...]
    """The events."""
    next: str | None
    """The cursor of the next page; null: this is the last."""


class OutgoingQuery(Paging):
    """Filters of the list of outgoing events; an event must match all that are given.

    `receiver` and `state` are about one delivery.
    """

    model_config = DESCRIBED

    receiver: str | None = None
    """Only events for this receiver."""
    state: DeliveryState | None = None
    """Only with a delivery in this state."""
    type: str | None = None
    """Only of this type."""
    shipment_id: str | None = None
    """Only of the shipment with this id."""


class OutgoingReplayRequest(Request):
    """Which events to send again, and to which receiver, by default all of them.

    `since` and `until` are when they were recorded; `failed` means only those that
    were given up. A receiver that was added later gets what it wants of them.
    """

    model_config = DESCRIBED

    receiver: str | None = None
    """The receiver; by default all."""
    since: AwareDatetime = Field(strict=False)
    """Events that were recorded then or later."""
    until: AwareDatetime | None = Field(default=None, strict=False)
    """Events that were recorded before; by default now."""
    failed: bool = False
    """Only events that were given up."""
    reason: str = Field(default="", max_length=200)
    """Why, for the audit."""
    cursor: Cursor = None
    """`next` of the last answer, to go on."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until <= self.since:
            hint = "use a time after since"
            raise problem("not after since", hint, field="until")
        return self


class OutgoingRepeatRequest(Request):
    """To which receiver one event is sent again: by default to those that had it."""

    model_config = DESCRIBED

    receiver: str | None = None
    """The receiver; by default those that it was recorded for."""
    reason: str = Field(default="", max_length=200)
    """Why, for the audit."""


class OutgoingStarted(ResponseModel):
    """The event that a running relay sends within a second."""

    model_config = DESCRIBED

    id: str
    """The event's id."""
    receivers: tuple[str, ...]
    """The receivers that get it."""
