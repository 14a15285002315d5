"""Parse the parts of a document one by one: a bad one does not stop the others."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import TypeVar

from relay.adapters.protocol import UnreadablePart
from relay.domain.events import MAY_END, Effect, Milestone, TrackingEvent

R = TypeVar("R")
Parsed = TrackingEvent | UnreadablePart
"""What an adapter makes of one part of a document."""


class EventOrder(Enum):
    """The order of the events in a list."""

    OLDEST_FIRST = auto()
    NEWEST_FIRST = auto()
    UNKNOWN = auto()


def attempt(position: str, parse: Callable[[], R]) -> R | UnreadablePart:
    """Return what *parse* returns; its error is that of the part at *position*."""
    try:
        return parse()
    except Exception as error:  # noqa: BLE001 -- listed with its position
        return UnreadablePart(position, error)


def only_error_raised(parts: Iterable[Parsed]) -> list[Parsed]:
    """Return *parts*; raise the error of a document that consists of one bad part."""
    listed = list(parts)
    if len(listed) == 1 and isinstance(listed[0], UnreadablePart):
        raise listed[0].error
    return listed


def order_of(parts: Iterable[Parsed]) -> EventOrder:
    """Return the order of a parcel's *parts*, as the times of its events show it."""
    times = [part.occurred_at for part in parts if isinstance(part, TrackingEvent)]
    ascending = sorted(times)
    if not times or ascending[0] == ascending[-1]:
        return EventOrder.UNKNOWN
    if times == ascending:
        return EventOrder.OLDEST_FIRST
    return EventOrder.NEWEST_FIRST if times[::-1] == ascending else EventOrder.UNKNOWN


def hold_deliveries(parts: Sequence[Parsed], order: EventOrder) -> list[Parsed]:
    """Return the *parts* of one parcel; a delivery that one of them may undo is held.

    An unreadable part may be a correction or a return, and VTEX documents no way to
    take a delivery back. One that is older than the delivery cannot undo it.
    """
    bad = [i for i, part in enumerate(parts) if isinstance(part, UnreadablePart)]

    def is_certain(index: int) -> bool:
        if order is EventOrder.OLDEST_FIRST:
            return not bad or index > bad[-1]
        if order is EventOrder.NEWEST_FIRST:
            return not bad or index < bad[0]
        return not bad

    return [
        part if is_certain(index) else _held(part) for index, part in enumerate(parts)
    ]


def _held(part: Parsed) -> Parsed:
    if isinstance(part, UnreadablePart) or not _may_end(part):
        return part
    return part.model_copy(update={"effect": Effect.INCOMPLETE})


def _may_end(event: TrackingEvent) -> bool:
    """Whether an event may be published as the delivery of its parcel."""
    return event.effect in MAY_END and event.milestone is Milestone.DELIVERED
