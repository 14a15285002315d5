"""How fast one account is called, on a clock of the test's own."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.vtex.pacing import Bucket, Pacer


class Time:
    """A monotonic clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    bucket = Bucket(2, 3)
    assert [bucket.take(0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


def test_a_bucket_fills_up_to_its_burst_and_not_beyond() -> None:
    bucket = Bucket(1, 2)
    assert [bucket.take(0), bucket.take(0)] == [0, 0]
    assert [bucket.take(99), bucket.take(99), bucket.take(99)] == [0, 0, 1]


def test_a_token_given_back_serves_the_next() -> None:
    bucket = Bucket(1, 1)
    bucket.take(0)
    assert bucket.take(0) == 1
    bucket.give_back()
    assert bucket.take(0) == 1


def test_a_full_bucket_takes_nothing_back() -> None:
    bucket = Bucket(1, 1)
    bucket.give_back()
    assert [bucket.take(0), bucket.take(0)] == [0, 1]


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    bucket = Bucket(1, 1)
    bucket.take(10)
    assert bucket.take(5) == 1


@given(
    st.floats(0.1, 50),
    st.integers(1, 10),
    st.lists(st.floats(0, 3), min_size=1, max_size=40),
)
def test_no_window_ever_sees_more_than_burst_and_rate(
    rate: float, burst: int, gaps: list[float]
) -> None:
    bucket, now, starts = Bucket(rate, burst), 0.0, []
    for gap in gaps:
        now += gap
        starts.append(now + bucket.take(now))
    assert starts == sorted(starts)
    for first, begin in enumerate(starts):
        for last, end in enumerate(starts[first:], first):
            assert last - first + 1 <= burst + rate * (end - begin) + 1 + 1e-6


async def test_a_slot_waits_until_its_token_is_there() -> None:
    time = Time()
    pacer = Pacer(4, 1, 9, time.clock, sleep=time.sleep)
    for _ in range(3):
        async with pacer.slot():
            pass
    assert time.slept == [0.25, 0.25]


async def test_no_more_are_in_flight_than_allowed() -> None:
    pacer = Pacer(1000, 1000, 2)
    running, most = 0, 0
    gate = asyncio.Event()

    async def call() -> None:
        nonlocal running, most
        async with pacer.slot():
            running += 1
            most = max(most, running)
            if running == 2:
                gate.set()
            await gate.wait()
            running -= 1

    await asyncio.gather(*(call() for _ in range(6)))
    assert most == 2


async def test_who_gives_up_waiting_gives_back_token_and_place() -> None:
    time = Time()

    async def never(seconds: float) -> None:
        time.slept.append(seconds)
        raise asyncio.CancelledError

    pacer = Pacer(1, 1, 1, time.clock, sleep=never)
    async with pacer.slot():
        pass
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            async with pacer.slot():
                pytest.fail("it never had a token")
    assert time.slept == [1, 1]


@pytest.mark.parametrize(
    ("rate", "burst", "in_flight"), [(0, 1, 1), (-1, 1, 1), (1, 0, 1), (1, 1, 0)]
)
def test_limits_that_let_nothing_through_are_refused(
    rate: float, burst: int, in_flight: int
) -> None:
    with pytest.raises(ValueError, match=r"rate above 0|in_flight"):
        Pacer(rate, burst, in_flight)
