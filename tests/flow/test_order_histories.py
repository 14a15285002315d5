"""Random histories of orders: all ways in, corrections, and others who write as well.

`test_histories.py` tries what carriers report and how calls fail. Here the scans are
plain, and the orders live: ERPs correct labels and exchange invoices, orders are
cancelled or replaced, other systems write the same package, and accounts replace, merge
or append. `HYPOTHESIS_PROFILE=long` makes each part ten times as long, and other
histories every time.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.support import order_oracle as oracle
from tests.support.ground import Ground, shared_ground
from tests.support.order_oracle import Story
from tests.support.order_play import AskedCarrier, OrderPlay, settings_of, stories_of
from tests.support.order_steps import OrderHistory, order_histories
from tests.support.world import GUARD, Shown

VANISHED = ("patch", "vanish")
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PARTS = [
    pytest.param(0, 5),
    *(pytest.param(n, 20, marks=pytest.mark.slow) for n in (1, 2, 3)),
]


# What must hold in the end


async def expect(play: OrderPlay, story: Story) -> None:
    """Compare what VTEX shows of an order with its story."""
    shown = await play.world.shown(story.order, story.invoice)
    texts = Counter(oracle.scan_of(t) for t in shown.texts if t != GUARD)
    ours = {t for t in texts if not t.startswith("other ")}
    assert story.must <= ours, f"lost: {story.must - ours}"
    assert ours <= story.may, f"told by mistake: {ours - story.may}"
    if play.history.mode != "append":
        assert max(texts.values(), default=1) == 1, "told twice"
        assert shown.texts.count(GUARD) <= 1, "the e-mail is triggered twice"
    _expect_delivery(story, shown)
    if story.must:
        assert shown.tracking_number == story.number


def _expect_delivery(story: Story, shown: Shown) -> None:
    if shown.finished:
        assert story.delivered or story.delivered_elsewhere, "delivered by mistake"
    elif story.must:
        assert not story.delivered, "the delivery is lost"


async def expect_of_calls(play: OrderPlay, story: Story) -> None:
    """Check what was written of an order, how often, and when."""
    calls = await play.calls(story.order)
    updates = await play.writes("put", orderId=story.order)
    if story.ended:
        assert oracle.written_after_end(calls, story.ended) == []
    if since := story.delivered_elsewhere:
        assert oracle.taken_back(calls, updates, since) == [], "taken back"
    if not play.history.adopts and story.way != "feed":
        addressed = {c["invoiceNumber"] for c in calls if c["kind"] in oracle.WRITES}
        assert addressed <= {"1"}, "an invoice was followed without being asked"
    said = [(u["invoiceNumber"], u["body"]["isDelivered"]) for u in updates]
    for invoice in story.invoices:
        mine = [delivers for number, delivers in said if number == invoice]
        assert mine == sorted(mine), "un-delivered"


async def expect_no_repeats(play: OrderPlay) -> None:
    """Where an update appends, no scan goes out twice once the relay can know it."""
    if play.history.mode != "append":
        return
    updates = await play.writes("put")
    reads = [
        c
        for s in play.stories.values()
        for c in await play.calls(s.order)
        if oracle.is_seen(c)
    ]
    reads.sort(key=lambda c: c["sequence"])
    every = await play.world.vtex.calls()
    vanished = any((c["kind"], c["fault"]) == ("put", "vanish") for c in every)
    known_at = oracle.appending_known_at(reads, updates)
    for story in play.stories.values():
        calls = await play.calls(story.order)
        unsure = play.kills + sum(oracle.is_lost(c) for c in calls)
        unsure += sum(c["fault"] == "stale" for c in calls)
        if play.history.events == "delta":
            # The first updates cannot tell one that vanished from one that replaced.
            unsure += sum(u["orderId"] == story.order for u in updates) * vanished
        mine = [u for u in updates if u["orderId"] == story.order]
        found = oracle.repeats(mine)
        if play.history.events == "full":
            found = [u for u in found if known_at is not None and u["at"] > known_at]
        assert len(found) <= unsure, "told twice"


async def expect_no_complaints(play: OrderPlay) -> None:
    """VTEX has nothing to say against the relay's calls."""
    found = (await play.world.vtex.ask("GET", "/complaints"))["complaints"]
    ours = [c for c in found if c["call"] not in play.foreign]
    calls = await play.world.vtex.calls()
    vanished = {c["orderId"] for c in calls if (c["kind"], c["fault"]) == VANISHED}
    # After another system's delivery, `taken_back` says more exactly what is wrong.
    elsewhere = play.elsewhere
    assert [
        c
        for c in ours
        if not (c["rule"] == "un-delivered" and c["orderId"] in elsewhere)
        and not (c["rule"] == "put-before-patch" and c["orderId"] in vanished)
    ] == []


async def play_out(ground: Ground, history: OrderHistory) -> None:
    asked = AskedCarrier()
    carriers = {"asked": asked}
    how = settings_of(history)
    async with (
        ground.world(history.mode, carriers, **how) as world,
        world.desk() as desk,
    ):
        world.revives = True
        play = OrderPlay(world, history, desk, asked, stories_of(history))
        await play.begin()
        for pause, step in history.steps:
            await play.take(pause, step)
        await play.come_to_rest()
        for story in play.stories.values():
            await expect(play, story)
            await expect_of_calls(play, story)
        await expect_no_repeats(play)
        await expect_no_complaints(play)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def ground(runner: asyncio.Runner) -> Iterator[Ground]:
    with shared_ground(runner) as made:
        yield made


@pytest.mark.parametrize(("part", "examples"), PARTS)
def test_at_rest_orders_show_what_happened_to_them(
    runner: asyncio.Runner, ground: Ground, part: int, examples: int
) -> None:
    @seed(None if LONG else part)
    @settings(
        max_examples=examples * (10 if LONG else 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(order_histories)
    def holds(history: OrderHistory) -> None:
        runner.run(play_out(ground, history))

    holds()
