"""How long a parcel is left alone: minutes, hours, a day."""

from datetime import datetime, timedelta

import pytest

from relay.domain.events import Milestone
from relay.domain.poll_schedule import (
    NORMAL,
    QUIET,
    URGENT,
    DueParcel,
    Intervals,
    Next,
    PollUpdate,
    later,
    silence,
)
from relay.store.poll_claims import after_answer, batched, lanes, renewal, retry_after
from tests.support.clock import START

HOUR = timedelta(hours=1)
INTERVALS = Intervals()


def parcel(
    milestone: Milestone | None = None,
    heard: datetime | None = None,
    polled: datetime | None = None,
    **more: int,
) -> DueParcel:
    said = PollUpdate(milestone, heard, heard)
    return DueParcel(1, "acme", 1, START, polled_at=polled, last_event=said, **more)


@pytest.mark.parametrize(
    ("milestone", "silent", "interval"),
    [
        (Milestone.OUT_FOR_DELIVERY, 0, 0.25),
        (Milestone.OUT_FOR_DELIVERY, 1, 0.25),
        (Milestone.OUT_FOR_DELIVERY, 6, 1),
        (Milestone.OUT_FOR_DELIVERY, 48, 8),
        (Milestone.IN_TRANSIT, 0, 3),
        (Milestone.IN_TRANSIT, 18, 3),
        (Milestone.IN_TRANSIT, 48, 8),
        (Milestone.IN_TRANSIT, 24 * 6, 24),
        (Milestone.IN_TRANSIT, 24 * 50, 24),
        (None, 1, 3),
        (Milestone.DELIVERED, 0, 24),
        (Milestone.RETURNED, 0, 24),
    ],
)
def test_the_interval_grows_with_silence(
    milestone: Milestone | None, silent: float, interval: float
) -> None:
    found = INTERVALS.interval(milestone, timedelta(hours=silent))
    assert found == timedelta(hours=interval)


def test_a_label_that_was_never_asked_for_is_due() -> None:
    assert INTERVALS.plan(parcel(), START + HOUR) == Next(START, NORMAL)


def test_a_webhook_counts_as_an_answer() -> None:
    published = parcel(Milestone.IN_TRANSIT, START + 5 * HOUR, START + 4 * HOUR)
    assert INTERVALS.plan(published, START + 6 * HOUR) == Next(START + 8 * HOUR, NORMAL)


@pytest.mark.parametrize(
    ("milestone", "after", "lane"),
    [
        (Milestone.OUT_FOR_DELIVERY, HOUR, URGENT),
        (Milestone.OUT_FOR_DELIVERY, 30 * HOUR, NORMAL),
        (Milestone.IN_TRANSIT, HOUR, NORMAL),
        (Milestone.IN_TRANSIT, 200 * HOUR, QUIET),
    ],
)
def test_a_parcel_goes_to_the_lane_of_its_milestone(
    milestone: Milestone, after: timedelta, lane: int
) -> None:
    assert INTERVALS.plan(parcel(milestone, START), START + after).lane == lane


def test_a_word_from_the_future_does_not_hold_the_next_poll_up() -> None:
    published = parcel(Milestone.IN_TRANSIT, START + 1000 * HOUR)
    assert INTERVALS.plan(published, START).at == START + 3 * HOUR
    assert silence(published, START) == timedelta(0)


def test_what_was_asked_for_in_vain_is_asked_for_in_smaller_batches() -> None:
    fresh, vain = parcel(), parcel(failures=2)
    assert batched([fresh, vain, fresh], 8) == [fresh, fresh]
    assert batched([vain, fresh, vain, vain], 8) == [vain, vain]
    assert batched([parcel(failures=99)] * 3, 8) == [parcel(failures=99)]


def test_the_quiet_lane_has_its_turn() -> None:
    assert [lanes(n)[1] for n in range(20)].count(QUIET) == 2
    assert all(lanes(n)[0] == 0 for n in range(20))


def test_what_is_closed_is_not_asked_for_again() -> None:
    closed = DueParcel(1, "acme", 1, START, closed=True)
    assert after_answer(closed, INTERVALS.plan, START) == Next(None)


def test_a_parcel_asked_for_in_vain_waits_longer_each_time() -> None:
    waits = [retry_after(n) for n in (-1, 0, 1, 2, 99)]
    minutes = [15, 15, 30, 60, 1440]
    assert waits == [timedelta(minutes=m) for m in minutes]


@pytest.mark.parametrize(
    ("hours", "renewed"), [(1, 0.9), (24 * 30, 24 * 29), (0, 1 / 60), (-5, 1 / 60)]
)
def test_a_subscription_is_renewed_before_its_end(hours: float, renewed: float) -> None:
    until = START + timedelta(hours=hours)
    assert renewal(START, until) == START + timedelta(hours=renewed)


def test_the_later_of_two_words_counts() -> None:
    early = PollUpdate(Milestone.PICKED_UP, START, START + 9 * HOUR)
    late = PollUpdate(Milestone.IN_TRANSIT, START + HOUR, START + HOUR)
    both = PollUpdate(Milestone.IN_TRANSIT, START + HOUR, START + 9 * HOUR)
    assert later(early, late) == both == later(late, early)
    assert later(PollUpdate(), PollUpdate()) == PollUpdate()
