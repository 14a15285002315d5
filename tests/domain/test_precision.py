"""An event that is known to the day is compared as the whole day."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from relay.domain.event_time import DAY, MINUTE
from relay.domain.events import Effect, Milestone, ReferenceKind
from relay.domain.history import final_milestone, histories
from relay.domain.matching import KnownReference, match, why_unmatched
from relay.domain.next_update import next_update
from relay.domain.plausibility import (
    BEFORE_DISPATCH,
    BEFORE_LABEL,
    CONTRADICTED,
    NO_TIME,
    RETURN_DIRECTION,
    TOO_SOON_ALONE,
    quarantined,
)
from relay.domain.precision import in_order, later, recognised
from relay.domain.publishable import publishable
from relay.domain.registrations import Registration
from relay.domain.shipment import KnownEvent
from relay.outbound.event_objects import to_publish
from tests.domain.snapshots import (
    NOW,
    POLICY,
    REGISTERED,
    at,
    event,
    published,
    snapshot,
)

MIDNIGHT = -5  # hours before the label: 00:00 in São Paulo, whose day has 24 hours
EVENING = at(MIDNIGHT + 18)


def on_day(
    number: int, milestone: Milestone | str, day: int = 0, **more: Any
) -> KnownEvent:
    """Return an event that is known to the day, received in the evening."""
    received = {"received_at": EVENING + day * DAY, "precision": DAY} | more
    return event(number, milestone, MIDNIGHT + 24 * day, **received)


def judged(*events: KnownEvent, **more: Any) -> dict[int, str]:
    return quarantined(snapshot(*events, **more), NOW, POLICY)


def test_a_delivery_on_the_day_of_its_dispatch_is_plausible() -> None:
    assert judged(on_day(1, "delivered"), dispatched_at=at(2)) == {}


def test_a_delivery_on_the_day_before_its_dispatch_is_not() -> None:
    found = judged(on_day(1, "delivered", -1), dispatched_at=at(2))
    assert found == {1: BEFORE_DISPATCH}


def test_a_delivery_that_was_reported_before_its_dispatch_is_not() -> None:
    early = on_day(1, "delivered", received_at=at(1))
    assert judged(early, dispatched_at=at(2)) == {1: BEFORE_DISPATCH}


def test_a_delivery_on_the_day_of_its_label_is_plausible() -> None:
    assert judged(on_day(1, "delivered")) == {}
    assert judged(on_day(1, "delivered", -1)) == {1: BEFORE_LABEL}


def test_a_delivery_that_was_reported_with_its_label_is_too_soon() -> None:
    soon = on_day(1, "delivered", received_at=at(0.1))
    assert judged(soon) == {1: TOO_SOON_ALONE}
    assert judged(soon, on_day(2, "out_for_delivery", position=-1)) == {}


def test_a_scan_on_the_day_of_the_dispatch_is_published() -> None:
    known = snapshot(on_day(1, "in_transit"), dispatched_at=at(2))
    assert [e.event for e in publishable(known, NOW, POLICY).events] == [1]
    known = snapshot(on_day(1, "in_transit", -1), dispatched_at=at(2))
    assert publishable(known, NOW, POLICY).events == ()


def test_a_scan_to_the_minute_on_the_day_of_a_delivery_does_not_contradict_it() -> None:
    assert judged(on_day(1, "delivered"), event(2, "out_for_delivery", 1)) == {}
    later_day = event(2, "out_for_delivery", MIDNIGHT + 24)
    assert judged(on_day(1, "delivered"), later_day) == {1: CONTRADICTED}


def test_a_return_on_the_day_of_a_delivery_quarantines_it() -> None:
    found = judged(on_day(1, "delivered"), event(2, "returned", 3))
    assert found == {1: RETURN_DIRECTION}


def test_days_without_times_are_in_the_order_of_their_source() -> None:
    course = [
        on_day(1, "out_for_delivery", position=0),
        on_day(2, "delivered", position=1),
    ]
    assert judged(*course) == {}
    assert judged(*course, on_day(3, "returned", position=2)) == {2: CONTRADICTED}


def test_a_delivery_that_may_have_come_last_confirms_an_earlier_one() -> None:
    course = [event(1, "delivered", 20), event(2, "delivery_failed", 25)]
    assert judged(*course) == {1: CONTRADICTED}
    assert judged(*course, on_day(3, "delivered", 1)) == {}


def test_exactly_midnight_is_a_delivery_without_a_time() -> None:
    """A contract may say that its carrier gives days only."""
    missing = on_day(1, "delivered", 1, midnight=True)
    assert judged(missing) == {1: NO_TIME}
    days_only = POLICY.__class__(zone=POLICY.zone, days_only=True)
    assert quarantined(snapshot(missing), NOW, days_only) == {}
    assert judged(on_day(1, "in_transit", 1, midnight=True)) == {}


def test_a_return_that_is_known_to_the_day_ends_the_history() -> None:
    """A scan of that day may have come first; one of the next day did not."""
    returned = on_day(1, "returned")

    def end(hours: float) -> Milestone | None:
        known = snapshot(returned, event(2, "returning", hours))
        return final_milestone(histories(known, NOW)[0].effective(), NOW, POLICY)

    assert end(3) is Milestone.RETURNED
    assert end(24) is None


def test_a_rollback_that_is_known_to_the_day_undoes_what_its_day_has() -> None:
    known = snapshot(
        on_day(1, "unknown", effect=Effect.ROLLBACK), event(2, "delivered", 3)
    )
    assert publishable(known, NOW, POLICY).delivered_at is None


def test_a_rollback_among_days_undoes_only_what_its_source_has_before_it() -> None:
    days = [
        on_day(1, "delivered", position=0),
        on_day(2, "unknown", position=1, effect=Effect.ROLLBACK),
        on_day(3, "delivered", position=2, code="again"),
    ]
    assert [e.event for e in in_order(reversed(days))] == [1, 2, 3]
    assert [e.event for e in histories(snapshot(*days), NOW)[0].effective()] == [2, 3]


@pytest.mark.parametrize(
    ("one", "other", "certain"),
    [
        (on_day(1, "held", 1), on_day(2, "held"), True),
        (on_day(1, "held"), on_day(2, "held", 1), False),
        (event(1, "held", MIDNIGHT + 24), on_day(2, "held"), True),
        (event(1, "held", MIDNIGHT + 23), on_day(2, "held"), False),
        (on_day(1, "held"), event(2, "held", MIDNIGHT + 23), False),
        (on_day(2, "held"), on_day(1, "held"), True),
        (event(1, "held", 2), event(2, "held", 1), True),
    ],
)
def test_only_what_is_certainly_later_is_later(
    one: KnownEvent, other: KnownEvent, *, certain: bool
) -> None:
    assert later(one, other) is certain


def known_as(*events: KnownEvent, volumes: int = 1) -> list[datetime]:
    return [e.happening[0] for e in recognised(events, volumes)]


def test_the_same_scan_to_the_second_the_minute_and_the_day_is_one() -> None:
    second = event(1, "held", 1 + 37 / 3600)
    minute = event(2, "held", 1, precision=MINUTE)
    day = on_day(3, "held")
    assert known_as(day, minute, second) == [second.occurred_at] * 3
    assert known_as(day, minute) == [minute.occurred_at] * 2


def test_another_code_minute_day_or_parcel_is_another_scan() -> None:
    second = event(1, "held", 1 + 37 / 3600)
    others = [
        event(2, "held", 1, precision=MINUTE, code="other"),
        event(3, "held", 1 + 1 / 60, precision=MINUTE),
        on_day(4, "held", 1),
        event(5, "held", 1, precision=MINUTE, volume=2),
        on_day(6, "held", midnight=True),
    ]
    found = known_as(second, *others, volumes=2)
    assert found == [e.occurred_at for e in (second, *others)]


def test_the_more_precise_record_is_published_and_the_other_never_again() -> None:
    minute = event(1, "in_transit", 1, precision=MINUTE, description="poll")
    second = event(2, "in_transit", 1 + 37 / 3600, volume=0, description="webhook")
    both = snapshot(*recognised([minute, second], 1))
    assert [e.event for e in publishable(both, NOW, POLICY).events] == [2]
    again = snapshot(*both.events, published=(published(minute),))
    assert next_update(again, publishable(again, NOW, POLICY), POLICY) is None


def test_vtex_gets_no_delivery_from_before_its_dispatch() -> None:
    """Marketplaces reject one; other days are still shown from 00:00."""
    same_day = snapshot(on_day(1, "delivered"), dispatched_at=at(2))
    shown = publishable(same_day, NOW, POLICY)
    assert shown.delivered_at == at(2)
    (only,) = shown.events
    date = to_publish(only, same_day, POLICY).object["date"]
    assert date == "2026-03-02T07:00:00-03:00"
    next_day = snapshot(on_day(1, "delivered", 1), dispatched_at=at(2))
    assert publishable(next_day, NOW, POLICY).delivered_at == at(MIDNIGHT + 24)


def test_a_day_at_the_lower_bound_belongs_to_the_label() -> None:
    own = Registration(1, 1, REGISTERED)
    known = [KnownReference(1, ReferenceKind.TRACKING_NUMBER, "AC1", (own,))]
    first_day = REGISTERED - timedelta(days=15, hours=5)
    assert match(first_day, known, {}, precision=DAY).via == 1
    assert match(first_day, known, {}).via is None
    day_before = first_day - DAY
    assert match(day_before, known, {}, precision=DAY).via is None
    because = why_unmatched(day_before, known, precision=DAY)
    assert because is not None
    assert "lower_bound_days" in because
