"""Each carrier that has a parcel is asked for it, under its own number."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from relay.clock import micros
from relay.config.settings import Settings
from relay.domain.events import Reference, ReferenceKind
from relay.domain.labels import Correction, Handover
from relay.store.database import Database
from relay.store.event_rows import Pace
from relay.store.handovers import Handovers
from relay.store.operator_actions import OperatorActions
from relay.store.operator_events import poll_now
from tests.inbound.polling.asking import Asked, Polled
from tests.support.acme import scan
from tests.support.clock import START, Clock
from tests.support.way_in import WayIn

HOUR = timedelta(hours=1)


class Two(Polled):
    """A poller of `acme` and of `last_mile`, each with a carrier of its own."""

    @property
    def first(self) -> Asked:
        return self.way_in.carriers["acme"]  # type: ignore[no-any-return]

    @property
    def second(self) -> Asked:
        return self.way_in.carriers["last_mile"]  # type: ignore[no-any-return]

    async def handover(self, id_: str, number: str) -> None:
        by_number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)
        change = Handover("last_mile", 1, ((by_number, 1),))
        handovers = Handovers(self.way_in.database, Pace(), {})
        await handovers.handover(id_, change, self.clock())

    async def numbers(self) -> dict[str, str | None]:
        rows = await self.way_in.rows("parcel_polls")
        return {r["contract"]: r["tracking_number"] for r in rows}


@pytest.fixture
async def two(
    database: Database, clock: Clock, settings: Callable[..., Settings]
) -> Two:
    at_once = {"poll_spacing_seconds": 0}
    contracts = settings({"acme": at_once, "last_mile": at_once}).contracts
    carriers = {name: Asked(clock=clock) for name in contracts}
    return Two(WayIn(database, clock, contracts, carriers))


@pytest.fixture(autouse=True)
async def ended(two: Two) -> object:
    yield
    for poller in two.pollers:
        await poller.close()


async def test_the_second_carrier_is_asked_at_once_under_its_own_number(
    two: Two,
) -> None:
    id_ = await two.way_in.register("AC1")
    await two.poll(minutes=30)
    assert (two.first.asks, two.second.asks) == ([["AC1"]], [])
    two.second.knows["LM1"] = [scan("LM1", "OD", START)]
    await two.handover(id_, "LM1")
    await two.poll()
    assert (two.first.asks, two.second.asks) == ([["AC1"]], [["LM1"]])
    assert await two.codes() == ["OD"]


async def test_each_is_asked_at_its_own_pace(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    two.second.knows["LM1"] = [scan("LM1", "OD", START)]
    await two.handover(id_, "LM1")
    await two.poll(minutes=30)
    for _ in range(4):
        await two.poll(minutes=15)
    assert two.first.asks == [["AC1"]], "in transit: every three hours"
    assert two.second.asks == [["LM1"]] * 5, "out for delivery: every 15 minutes"


async def test_what_the_second_said_sets_no_pace_for_the_first(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    two.second.knows["LM1"] = [scan("LM1", "OD", START)]
    await two.handover(id_, "LM1")
    await two.poll()
    assert (two.first.asks, two.second.asks) == ([], [["LM1"]])
    await two.poll(minutes=30)
    for _ in range(4):
        await two.poll(minutes=15)
    assert two.first.asks == [["AC1"]], "its own carrier said nothing: in three hours"


async def test_the_same_hand_over_again_changes_no_turn(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    await two.handover(id_, "LM1")
    await two.poll(minutes=30)
    await two.handover(id_, "LM1")
    await two.poll(minutes=1)
    assert two.second.asks == [["LM1"]]


async def test_another_number_of_the_second_carrier_is_asked_for_anew(
    two: Two,
) -> None:
    id_ = await two.way_in.register("AC1")
    await two.handover(id_, "LM1")
    await two.poll(minutes=30)
    await two.handover(id_, "LM2")
    await two.poll(minutes=1)
    assert two.second.asks == [["LM1"], ["LM2"]]


async def test_a_closed_shipment_is_asked_for_by_neither(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    await two.handover(id_, "LM1")
    await two.close_shipment()
    await two.poll(days=2)
    assert (two.first.asks, two.second.asks) == ([], [])


async def test_who_wants_to_know_has_both_asked(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    await two.handover(id_, "LM1")
    await two.poll(minutes=30)
    await poll_now(two.way_in.database, id_, "me", two.clock(), {"last_mile"})
    await two.poll(minutes=1)
    assert (len(two.first.asks), len(two.second.asks)) == (2, 2)


async def test_a_correction_to_the_second_contract_leaves_the_first(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    await two.handover(id_, "LM1")
    corrections = OperatorActions(two.way_in.database, Pace(), {})
    change = Correction(("acme", "AC1"), "last_mile", number="LM2", keep=True)
    await corrections.correct(id_, change, two.clock())
    assert await two.numbers() == {"last_mile": "LM2"}
    await two.poll(minutes=30)
    assert (two.first.asks, two.second.asks) == ([], [["LM2"]])


async def test_what_the_first_says_does_not_hasten_the_second(two: Two) -> None:
    id_ = await two.way_in.register("AC1")
    await two.handover(id_, "LM1")
    await two.poll(minutes=30)
    two.first.knows["AC1"] = [scan("AC1", "OD", START + 3 * HOUR)]
    await two.poll(hours=3)
    rows = {r["contract"]: r for r in await two.way_in.rows("parcel_polls")}
    assert rows["acme"]["poll_at"] == micros(two.clock() + timedelta(minutes=5))
    assert rows["last_mile"]["poll_at"] > micros(two.clock() + 2 * HOUR)
