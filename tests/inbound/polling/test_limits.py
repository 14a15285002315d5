"""Neither the spacing nor the quota of a day is ever exceeded, by nobody."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count, pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.config.contract import ContractSettings
from relay.store.database import Database
from relay.store.due_polls import (
    LONGEST_PAUSE,
    OPENS_AFTER,
    Allowance,
    PollState,
    pause_after,
)
from tests.inbound.polling.asking import Asked, Polled, turn
from tests.inbound.polling.conftest import Polling
from tests.support.clock import START, Clock
from tests.support.way_in import WayIn

ZONES = ("UTC", "America/Sao_Paulo", "Pacific/Auckland", "America/Santiago")
FRESH = count()

seconds = st.floats(0, 20_000, allow_nan=False)
backwards = st.floats(-600, 20_000, allow_nan=False)


@given(
    steps=st.lists(seconds, max_size=200),
    quota=st.integers(1, 40) | st.none(),
    spacing=st.floats(0, 600),
    zone=st.sampled_from(ZONES),
)
def test_whatever_the_load_the_allowance_holds(
    steps: Sequence[float], quota: int | None, spacing: float, zone: str
) -> None:
    allowance = Allowance(timedelta(seconds=spacing), quota, ZoneInfo(zone))
    state, now, calls = PollState("acme"), START, []
    for step in steps:
        now += timedelta(seconds=step)
        if state.free_at(now, allowance) <= now:
            state.charge(now, allowance, "lease", now + timedelta(minutes=3))
            state.release(now, allowance)
            calls.append(now)
    assert_within(calls, allowance)


@given(steps=st.lists(backwards, max_size=100), quota=st.integers(1, 20))
def test_a_clock_that_goes_back_a_little_gives_no_calls_back(
    steps: Sequence[float], quota: int
) -> None:
    allowance = Allowance(timedelta(0), quota)
    state, now, calls = PollState("acme"), START, Counter[int]()
    for step in steps:
        now += timedelta(seconds=step)
        if state.free_at(now, allowance) <= now:
            state.charge(now, allowance, "lease", now)
            state.release(now, allowance)
            calls[state.day] += 1
    assert all(n <= quota for n in calls.values())


def assert_within(calls: Sequence[datetime], allowance: Allowance) -> None:
    apart = [later - earlier for earlier, later in pairwise(sorted(calls))]
    assert all(gap >= allowance.spacing for gap in apart)
    if allowance.quota is None:
        return
    days = Counter(allowance.day(at) for at in calls)
    assert all(n <= allowance.quota for n in days.values())
    for day in days:  # an even share of the day, never more
        begins, ends = allowance.bounds(day)
        so_far = [at for at in sorted(calls) if allowance.day(at) == day]
        for place, at in enumerate(so_far):
            assert (at - begins) * allowance.quota >= (ends - begins) * place


def test_a_day_has_the_hours_that_it_has_in_its_zone() -> None:
    santiago = Allowance(zone=ZoneInfo("America/Santiago"))
    begins, ends = santiago.bounds(
        santiago.day(datetime.fromisoformat("2026-04-04T15:00Z"))
    )
    assert ends - begins == timedelta(hours=25)


def test_the_breaker_waits_longer_and_longer_but_not_for_ever() -> None:
    pauses = [pause_after(n) for n in range(30)]
    assert pauses[:OPENS_AFTER] == [timedelta(0)] * OPENS_AFTER
    assert pauses[OPENS_AFTER : OPENS_AFTER + 3] == [
        timedelta(minutes=m) for m in (1, 2, 4)
    ]
    assert max(pauses) == LONGEST_PAUSE


def test_what_a_wrong_clock_wrote_is_not_believed() -> None:
    far = START + timedelta(days=4000)
    state = PollState("acme")
    allowance = Allowance(quota=3)
    state.charge(far, allowance, "lease", far + timedelta(minutes=3))
    state.fail(far, "500", 1e9)
    assert state.free_at(START, allowance) <= START


async def test_the_quota_is_spread_over_the_day(polling: Polling) -> None:
    polled = polling(Asked(batch_size=1), poll_daily_quota=24, zone="UTC")
    for n in range(40):
        await polled.way_in.register(f"AC{n:02}", order_id=f"v1-{n:02}")
    polled.carrier.clock = polled.clock
    for _ in range(71):
        await polled.poll(minutes=10)
    assert len(polled.carrier.asks) == 24
    await polled.poll(minutes=10)
    assert (await polled.state()).used == 1


async def test_urgent_parcels_get_what_is_left_of_the_quota(polling: Polling) -> None:
    polled = polling(Asked(batch_size=1), poll_daily_quota=24, zone="UTC")
    for n in range(30):
        await polled.way_in.register(f"AC{n:02}", order_id=f"v1-{n:02}")
    async with polled.way_in.database.writing() as tx:
        for n in (28, 29, 30):
            urgent = turn(n, n, 1)
            await tx.run("move_poll", **urgent)
    await polled.poll(hours=11)
    assert {a for (a,) in polled.carrier.asks[:3]} == {"AC27", "AC28", "AC29"}


async def test_two_pollers_on_one_database_share_the_allowance(
    database: Database,
) -> None:
    steps = [(0.0, 1.0), (0.3, 0.2)] * 40
    asks = await check(database, steps, quota=1000, spacing=2.0)
    assert len(asks) == 15
    assert set(Counter(n for batch in asks for n in batch).values()) == {1}


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.tuples(st.floats(0, 900), st.floats(0, 3)), max_size=25),
    quota=st.integers(1, 60),
    spacing=st.floats(0.5, 60),
)
async def test_random_loads_of_two_pollers_stay_within_the_allowance(
    database: Database,
    steps: Sequence[tuple[float, float]],
    quota: int,
    spacing: float,
) -> None:
    await check(database, steps, quota=quota, spacing=spacing)


async def check(
    database: Database,
    steps: Sequence[tuple[float, float]],
    *,
    quota: int,
    spacing: float,
) -> list[list[str]]:
    """Let two pollers loose on many parcels; each call takes its time."""
    clock, name = Clock(START), f"acme_{next(FRESH)}"
    contract = ContractSettings.model_validate(
        {"name": name, "adapter": "acme", "account": "store", "secret": "s",
         "accounts": ("store",), "poll_daily_quota": quota, "zone": "America/Sao_Paulo",
         "poll_spacing_seconds": spacing}
    )  # fmt: skip
    carrier = Asked(batch_size=2, clock=clock)
    polled = Polled(
        WayIn(database, clock, {name: contract}, {name: carrier, "acme": carrier})
    )
    for n in range(30):
        more = {"contract": name, "order_id": f"{name}-{n}"}
        await polled.way_in.register(f"{name}-{n}", **more)
    clock.advance(timedelta(minutes=30))
    pollers = [polled.poller(), polled.poller()]
    for later, slow in steps:
        clock.advance(timedelta(seconds=later))
        await asyncio.gather(*(p.settle_all() for p in pollers))
        clock.advance(timedelta(seconds=slow))
        await asyncio.gather(*(p.settle_all() for p in pollers))
    for poller in pollers:
        await poller.close()
    allowance = Allowance(timedelta(seconds=spacing), quota, contract.zone)
    assert_within(carrier.at, allowance)
    return carrier.asks
