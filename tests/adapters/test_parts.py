"""Parts of a document are parsed one by one; a doubtful delivery is held."""

from datetime import UTC, datetime, timedelta

import pytest

from relay.adapters.parts import (
    EventOrder,
    Parsed,
    attempt,
    hold_deliveries,
    only_error_raised,
    order_of,
)
from relay.adapters.protocol import UnreadablePart
from relay.domain.events import (
    Effect,
    Milestone,
    Reference,
    ReferenceKind,
    TrackingEvent,
)

NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="AC1")
BAD = UnreadablePart("scans.0", ValueError("odd"))


def event(
    milestone: Milestone, hour: int = 0, effect: Effect = Effect.NORMAL
) -> TrackingEvent:
    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour)
    return TrackingEvent(
        references=(NUMBER,), milestone=milestone, occurred_at=at, effect=effect
    )


MOVING, DELIVERED = event(Milestone.IN_TRANSIT), event(Milestone.DELIVERED, 1)


def effects(parts: list[Parsed]) -> list[Effect | None]:
    return [p.effect if isinstance(p, TrackingEvent) else None for p in parts]


def test_an_error_is_that_of_its_part() -> None:
    error = ValueError("odd")

    def fail() -> None:
        raise error

    assert attempt("scans.3", fail) == UnreadablePart("scans.3", error)
    assert attempt("scans.3", lambda: MOVING) == MOVING


def test_a_document_of_one_bad_part_has_its_error() -> None:
    with pytest.raises(ValueError, match=r"^odd$"):
        only_error_raised([BAD])
    assert only_error_raised([BAD, MOVING]) == [BAD, MOVING]
    assert only_error_raised([BAD, BAD]) == [BAD, BAD]


NORMAL, HELD = Effect.NORMAL, Effect.INCOMPLETE


@pytest.mark.parametrize(
    ("parts", "order", "expected"),
    [
        ([MOVING, DELIVERED], EventOrder.UNKNOWN, [NORMAL, NORMAL]),
        ([MOVING, BAD, DELIVERED], EventOrder.OLDEST_FIRST, [NORMAL, None, NORMAL]),
        ([MOVING, DELIVERED, BAD], EventOrder.OLDEST_FIRST, [NORMAL, HELD, None]),
        ([BAD, DELIVERED, BAD], EventOrder.OLDEST_FIRST, [None, HELD, None]),
        ([DELIVERED, BAD, MOVING], EventOrder.NEWEST_FIRST, [NORMAL, None, NORMAL]),
        ([BAD, DELIVERED, MOVING], EventOrder.NEWEST_FIRST, [None, HELD, NORMAL]),
        ([BAD, DELIVERED, MOVING], EventOrder.UNKNOWN, [None, HELD, NORMAL]),
        ([DELIVERED, BAD], EventOrder.UNKNOWN, [HELD, None]),
    ],
)
def test_a_delivery_is_held_if_a_bad_part_may_be_newer(
    parts: list[Parsed], order: EventOrder, expected: list[Effect | None]
) -> None:
    assert effects(hold_deliveries(parts, order)) == expected


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (Effect.PROVISIONAL, HELD),
        (Effect.TEXT_ONLY, HELD),
        (Effect.CONTRADICTORY, Effect.CONTRADICTORY),
        (Effect.ADMINISTRATIVE, Effect.ADMINISTRATIVE),
    ],
)
def test_only_what_may_be_published_as_a_delivery_is_held(
    effect: Effect, expected: Effect
) -> None:
    parts = [event(Milestone.DELIVERED, 1, effect), BAD]
    assert effects(hold_deliveries(parts, EventOrder.OLDEST_FIRST))[0] is expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([0, 1, 1, 2], EventOrder.OLDEST_FIRST),
        ([2, 1, 1, 0], EventOrder.NEWEST_FIRST),
        ([0, 2, 1], EventOrder.UNKNOWN),
        ([1, 1], EventOrder.UNKNOWN),
        ([1], EventOrder.UNKNOWN),
        ([], EventOrder.UNKNOWN),
    ],
)
def test_the_times_of_the_events_show_their_order(
    hours: list[int], expected: EventOrder
) -> None:
    parts = [BAD, *(event(Milestone.IN_TRANSIT, hour) for hour in hours), BAD]
    assert order_of(parts) is expected
