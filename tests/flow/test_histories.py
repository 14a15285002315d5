"""Random histories: whatever fails, VTEX shows what may be published in the end.

They are tried in parts, so that several workers can share them. The first part is
always tried, the others with the slow tests; `HYPOTHESIS_PROFILE=long` makes each ten
times as long, and other histories every time.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from relay.domain.events import TrackingEvent
from relay.store.accounts import Accounts
from tests.support import oracle
from tests.support.ground import Ground, shared_ground
from tests.support.oracle import Line, Print, Report, Truth
from tests.support.world import ACCOUNT, GUARD, Shown, World

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PARTS = [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))]
checked = settings(
    max_examples=500 if LONG else 50,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

DOUBTFUL = frozenset({408, 409, 425, 500, 502, 504})
SHIFTS = [0, 0, 0, -600, -7200, -3 * 86400, -20 * 86400, 7200]


# Steps of a history


@dataclass(frozen=True)
class Label:
    """The label of one of two orders is printed; the second has two boxes."""

    shipment: int
    dispatched: int | None


@dataclass(frozen=True)
class Scan:
    number: str
    milestone: str
    shift: int
    effect: str = "normal"
    final: bool = False


@dataclass(frozen=True)
class Webhook:
    """Scans that the carrier reports in one document."""

    scans: tuple[Scan, ...]


@dataclass(frozen=True)
class Again:
    """A scan that was reported before is reported once more."""

    place: int


@dataclass(frozen=True)
class Trouble:
    kind: str
    call: str | None
    times: int
    status: int | None = None
    delay: int = 0


@dataclass(frozen=True)
class Kill:
    """The process dies after so many commits and calls."""

    steps: int


Step = Label | Webhook | Again | Trouble | Kill


@dataclass(frozen=True)
class History:
    """Steps, each after a pause in seconds, and how VTEX and the account behave."""

    steps: tuple[tuple[int, Step], ...]
    events: str
    mode: str
    first_email: str
    may_read: bool
    number_again: bool


NUMBERS = {0: ("A",), 1: ("B", "C")}
MILESTONES = [
    "label_created",
    "picked_up",
    "picked_up",
    "in_transit",
    "out_for_delivery",
    "delivery_failed",
    "held",
    "returning",
    "returned",
    *["delivered"] * 6,
    "lost",
    "unknown",
]
EFFECTS = [*["normal"] * 8, "administrative", "provisional"]

happenings = st.builds(
    Scan,
    number=st.sampled_from(["A", "A", "A", "B", "C"]),
    milestone=st.sampled_from(MILESTONES),
    shift=st.sampled_from(SHIFTS),
    effect=st.sampled_from(EFFECTS),
    final=st.booleans(),
)
rollbacks = st.builds(
    Scan,
    number=st.sampled_from(["A", "A", "B"]),
    milestone=st.just("in_transit"),
    shift=st.sampled_from([0, 0, -600]),
    effect=st.just("rollback"),
    final=st.booleans(),
)
scans = st.one_of(happenings, happenings, happenings, rollbacks)
statuses = st.sampled_from(
    [400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504]
)
calls = st.sampled_from([None, "get", "patch", "put", "put"])
times = st.integers(1, 3)
troubles = (
    st.builds(Trouble, st.just("status"), calls, times, status=statuses)
    | st.builds(Trouble, st.sampled_from(["cut_before", "cut_after"]), calls, times)
    | st.builds(
        Trouble, st.just("late"), calls, times, delay=st.sampled_from([0, 1, 40, 85])
    )
    | st.builds(
        Trouble,
        st.just("refuse_after"),
        calls,
        times,
        status=st.sampled_from([500, 502, 504]),
    )
    | st.builds(Trouble, st.just("redirect"), calls, st.just(1))
)
webhooks = st.lists(scans, min_size=1, max_size=4).map(lambda s: Webhook(tuple(s)))
steps = st.one_of(
    webhooks,
    webhooks,
    webhooks,
    webhooks,
    st.builds(Again, st.integers(0, 30)),
    troubles,
    troubles,
    st.builds(Kill, st.integers(0, 12)),
    st.builds(Label, st.integers(0, 1), st.sampled_from([None, -3600, 3600])),
)
pauses = st.sampled_from([1, 1, 1, 2, 4, 30, 100, 700, 4000, 90_000])
dispatches = st.sampled_from([None, None, None, -3600, 3600])
histories = st.builds(
    lambda early, labels, steps, how, first_email, may_read, number_again: History(
        (*early, *labels, *steps), *how, first_email, may_read, number_again
    ),
    st.lists(st.tuples(pauses, steps), max_size=3),
    st.tuples(
        st.tuples(pauses, st.builds(Label, st.just(0), dispatches)),
        st.tuples(pauses, st.builds(Label, st.just(1), dispatches)),
    ),
    st.lists(st.tuples(pauses, steps), min_size=2, max_size=14),
    st.sampled_from(
        [
            ("full", "merge"),
            ("full", "replace"),
            ("delta", "append"),
            ("delta", "merge"),
        ]
    ),
    st.sampled_from(["with_first_scan", "with_first_scan", "at_label", "off"]),
    st.sampled_from([True, True, False]),
    st.booleans(),
)


# Playing a history


@dataclass
class Play:
    """A history as it is played, and what the oracle needs to know of it."""

    world: World
    prints: dict[int, Print] = field(default_factory=dict)
    versions: dict[int, list[tuple[datetime, Print]]] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    kills: int = 0

    async def take(self, pause: int, step: Step) -> None:
        world = self.world
        await world.wait(seconds=pause)
        match step:
            case Label(shipment, dispatched):
                await self.print(shipment, NUMBERS[shipment], dispatched)
            case Webhook(scans):
                await self.report(*[_reported(s, world.now) for s in scans])
            case Again(place) if self.reports:
                old = self.reports[place % len(self.reports)]
                await self.report(
                    Report(world.now, *[getattr(old, f) for f in _FIELDS])
                )
            case Trouble():
                await world.vtex.fault(step.kind, **_fault(step))
            case Kill(steps_left):
                self.kills += 1
                world.process.fate.steps_left = steps_left

    async def print(
        self, shipment: int, numbers: tuple[str, ...], dispatched: int | None = None
    ) -> None:
        world, order = self.world, f"O-{shipment}"
        at = None if dispatched is None else world.now + timedelta(seconds=dispatched)
        await world.label(order=order, numbers=numbers, dispatched=at)
        if shipment not in self.prints:
            self.prints[shipment] = Print(world.now, order, numbers, at)
        elif at is not None:
            old = self.prints[shipment]
            earliest = min(at, old.dispatched or at)
            self.prints[shipment] = Print(old.at, order, numbers, earliest)
        version = (world.now, self.prints[shipment])
        self.versions.setdefault(shipment, []).append(version)

    def as_of(self, shipment: int, moment: datetime) -> Print:
        """Return a label as it was: a reprint may bring a dispatch date."""
        known = [p for at, p in self.versions[shipment] if at <= moment]
        return known[-1]

    async def report(self, *reports: Report) -> None:
        self.reports += reports
        await self.world.report([_as_event(self.world, r) for r in reports])

    async def come_to_rest(self) -> None:
        """Rest; what is stuck or paused is retried by a person, again and again."""
        world = self.world
        for _ in range(20):
            await world.rest()
            stuck = await self.stuck()
            paused = (await world.account()).paused_reason
            if not stuck and not paused:
                return
            await Accounts(world.database).open(ACCOUNT)
            async with world.database.writing() as tx:
                for shipment in stuck:
                    now = int(world.now.timestamp() * 1e6)
                    await tx.run("retry_shipment", shipment=shipment, now=now)
        raise AssertionError("it stays stuck")

    async def stuck(self) -> list[int]:
        rows = [await self.world.shipment(p.order) for p in self.prints.values()]
        return [r["shipment"] for r in rows if r and r["stuck_reason"]]


def _as_event(world: World, report: Report) -> TrackingEvent:
    return world.event(
        report.milestone,
        report.happened,
        number=report.number,
        carrier_code=report.code,
        description=report.text,
        effect=report.effect,
        undoes=report.undoes,
        final=report.final,
    )


_FIELDS = (
    "number", "milestone", "happened", "code", "effect", "undoes", "final"
)  # fmt: skip


def _whole(moment: datetime) -> datetime:
    """Cut a moment to the second, as carriers give it."""
    return moment.replace(microsecond=0)


def _reported(scan: Scan, now: datetime) -> Report:
    marks = f"{scan.milestone}-{scan.effect}{'-final' if scan.final else ''}"
    names = scan.effect == "rollback" and scan.final
    return Report(
        at=now,
        number=scan.number,
        milestone=scan.milestone,
        happened=_whole(now) + timedelta(seconds=scan.shift),
        code=marks,
        effect=scan.effect,
        undoes=("delivered-normal",) if names else (),
        final=scan.final and not names,
    )


def _fault(trouble: Trouble) -> dict[str, Any]:
    fields = {
        "call": trouble.call,
        "times": trouble.times,
        "status": trouble.status,
        "delaySeconds": trouble.delay,
    }
    return {name: value for name, value in fields.items() if value is not None}


# What must hold in the end


async def expect(play: Play, shipment: int, history: History) -> None:
    """Compare what VTEX shows of one shipment with the history."""
    world, label = play.world, play.prints[shipment]
    shown = await world.shown(label.order)
    mine, ended = _mine(play, shipment)
    lines = {line for line in shown.events if line[1] != GUARD}
    published_at = await _told_delivered(world, label.order)
    least, most, labels, ever = _bounds(play, shipment, mine, published_at)
    assert least <= lines, "something was not told"
    extra = most | labels | oracle.retractions(label, mine)
    assert lines <= extra, "something was told that may not be"
    if shown.finished:
        assert ever, "delivered by mistake"
    else:
        assert not oracle.truth(label, mine, world.now).delivered
    assert shown.tracking_number == label.numbers[0]
    await _expect_guard(world, label.order, shown, history)
    if history.mode != "append":
        assert len(set(shown.events)) == len(shown.events)
    assert ended is None or all(happened > ended for happened, _ in lines)


def _mine(play: Play, shipment: int) -> tuple[list[Report], datetime | None]:
    """Return the reports that can be about a shipment, by number and time."""
    label = play.prints[shipment]
    ended = None
    if shipment == 2:
        ended = play.prints[2].at - timedelta(seconds=1)
    mine = [r for r in play.reports if oracle.counts_for(r, label, ended)]
    return mine, ended


def _bounds(
    play: Play, shipment: int, mine: list[Report], published_at: datetime | None
) -> tuple[set[Line], set[Line], set[Line], bool]:
    """Return what must be shown, what may be, labels, and whether it arrived ever."""
    most: set[Line] = set()
    labels: set[Line] = set()
    late: set[Line] = set()
    ever = False
    now = play.world.now
    printed = [at for at, _ in play.versions[shipment]]
    moments = {max(r.at, printed[0]) for r in mine} | {*printed, now}
    for begin, end in pairwise([*sorted(moments), now]):
        label = play.as_of(shipment, begin)
        known = [r for r in mine if r.at <= begin]
        for moment in (begin, end):
            found = oracle.truth(label, known, moment)
            most |= found.lines
            labels |= found.labels
            ever |= found.delivered
        if oracle.stands_still(label, known, end):
            late |= _lines_of(label, [r for r in mine if r.at > begin], now)
    final = _final(play, shipment, mine, published_at)
    return set(final.lines) - late, most, labels, ever


def _final(
    play: Play, shipment: int, mine: list[Report], published_at: datetime | None
) -> Truth:
    """Return what must be published: all, or what was known at the delivery."""
    if published_at is None:
        now = play.world.now
        return oracle.truth(play.as_of(shipment, now), mine, now)
    known = [r for r in mine if r.at < published_at]
    return oracle.truth(play.as_of(shipment, published_at), known, published_at)


def _lines_of(label: Print, reports: list[Report], now: datetime) -> set[Line]:
    found: set[Line] = set()
    for report in reports:
        found |= oracle.truth(label, [report], now).lines
    return found


async def _told_delivered(world: World, order: str) -> datetime | None:
    """Return when the accepted delivery was sent for the first time."""
    for published in await world.vtex.published("put", orderId=order):
        if published["carriedOut"] and published["body"]["isDelivered"]:
            return min(
                a.at
                for a in world.attempts
                if a.order_id == order and b'"isDelivered":true' in a.body
            )
    return None


async def _expect_guard(
    world: World, order: str, shown: Shown, history: History
) -> None:
    """The first of two calls holds the event of the label, and nothing else."""
    guards = {at for at, text in shown.events if text == GUARD}
    if history.first_email == "off":
        assert guards == set()
        return
    assert len(guards) <= 1
    puts = [
        t for t in await world.vtex.published("put", orderId=order) if t["carriedOut"]
    ]
    for put in puts[:1]:
        assert not put["body"]["isDelivered"]
        (event,) = put["body"]["events"]
        text = event["description"]
        assert text == GUARD or "label_created" in text


async def expect_of_calls(play: Play) -> None:
    """Check what was written, how often, and in which order."""
    world = play.world
    assert await world.vtex.complaints() == []
    calls = await world.vtex.calls()
    published = await world.vtex.published()
    for shipment, label in play.prints.items():
        writes = [
            t for t in published if t["orderId"] == label.order and t["carriedOut"]
        ]
        lost = play.kills + sum(
            1 for c in calls if c["orderId"] == label.order and _is_lost(c)
        )
        mine, _ = _mine(play, shipment)
        changes = 2 + len({(r.number, r.happened, r.code) for r in mine})
        ahead = sum(1 for r in mine if r.happened > r.at)
        assert len(writes) <= changes + ahead + lost
        bodies = [(t["kind"], str(t["body"])) for t in writes]
        assert len(bodies) - len(set(bodies)) <= lost
        _expect_no_way_back(writes)
    if not play.kills:
        assert await _ledger(play) == len(calls)


def _is_lost(call: dict[str, Any]) -> bool:
    if call["kind"] not in {"patch", "put"}:
        return False
    return call["answered"] in {"cut", "late"} or call["answered"] in DOUBTFUL


def _expect_no_way_back(writes: list[dict[str, Any]]) -> None:
    puts = [w for w in writes if w["kind"] == "put"]
    puts.sort(key=lambda w: (w["carriedOutAt"], w["sequence"]))
    said = [w["body"]["isDelivered"] for w in puts]
    assert said == sorted(said), "un-delivered"


async def _ledger(play: Play) -> int:
    count = 0
    for label in play.prints.values():
        shipment = await play.world.fact("shipment", label.order)
        async with play.world.database.reading() as tx:
            rows = await tx.rows("calls_of_shipment", shipment=shipment, limit=10_000)
        count += sum(1 for r in rows if r["sent"])
    return count


# The property


async def play_out(world: World, history: History) -> None:
    world.revives = True
    if not history.may_read:
        await world.vtex.ask(
            "POST",
            "/credentials",
            {
                "account": ACCOUNT,
                "appKey": "sandbox-key",
                "appToken": "sandbox-token",
                "roles": ["notify_invoice"],
                "only": True,
            },
        )
    play = Play(world)
    for pause, step in history.steps:
        await play.take(pause, step)
    if history.number_again:
        await play.take(4000, Webhook((Scan("A", "held", 0),)))
        await play.take(4000, Webhook((Scan("A", "delivered", 0),)))
    await play.come_to_rest()
    for shipment in (0, 1):
        await expect(play, shipment, history)
    await expect_of_calls(play)
    over_at = await _told_delivered(world, "O-0")
    scans_of_it = [r.happened for r in play.reports if r.number == "A"]
    if history.number_again and over_at is not None and over_at >= max(scans_of_it):
        await use_the_number_again(play, history)


async def use_the_number_again(play: Play, history: History) -> None:
    """Give the number of a delivered parcel to a new one."""
    world = play.world
    await world.wait(days=3)
    before = await world.shown("O-0")
    await play.print(2, ("A",))
    late = [r for r in play.reports if r.number == "A"][-1]
    await world.wait(hours=2)
    await play.report(Report(world.now, "A", "delivered", late.happened, "late one"))
    await world.wait(hours=2)
    assert (await world.shown("O-2")).texts in ([], [GUARD])
    await play.report(Report(world.now, "A", "picked_up", _whole(world.now), "new one"))
    await world.wait(hours=2)
    await play.report(Report(world.now, "A", "delivered", _whole(world.now), "new end"))
    await play.come_to_rest()
    await expect(play, 2, history)
    assert (await world.shown("O-2")).finished
    assert await world.shown("O-0") == before
    await expect_of_calls(play)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def ground(runner: asyncio.Runner) -> Iterator[Ground]:
    with shared_ground(runner) as made:
        yield made


@pytest.mark.parametrize("part", PARTS)
def test_at_rest_vtex_shows_what_may_be_published(
    runner: asyncio.Runner, ground: Ground, part: int
) -> None:
    @seed(None if LONG else part)
    @checked
    @given(histories)
    def holds(history: History) -> None:
        async def check() -> None:
            how = {"events": history.events, "first_email": history.first_email}
            async with ground.world(history.mode, **how) as world:
                await play_out(world, history)

        runner.run(check())

    holds()
