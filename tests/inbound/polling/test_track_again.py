"""A person wants to know: the carrier is asked at once."""

from collections.abc import Collection
from datetime import timedelta

import pytest

from relay.errors import Conflict, NotFound
from relay.store.operator_events import poll_now
from tests.inbound.polling.asking import Polled, raising
from tests.support.acme import scan
from tests.support.clock import START


async def again(
    polled: Polled, shipment: str, asked: Collection[str] = ("acme",)
) -> None:
    database, now = polled.way_in.database, polled.clock()
    await poll_now(database, shipment, "Ana", now, asked)


async def test_the_carrier_is_asked_at_once(polled: Polled) -> None:
    shipment = await polled.way_in.register("AC1")
    await again(polled, shipment)
    await polled.poll()
    assert polled.carrier.asks == [["AC1"]]
    assert (await polled.parcel())["poll_lane"] == 2
    notes = await polled.way_in.rows("notes")
    assert notes[-1]["text"] == "poll requested by Ana"


async def test_an_expired_shipment_is_open_again_and_is_not_expired_at_once(
    polled: Polled,
) -> None:
    shipment = await polled.way_in.register("AC1")
    polled.clock.advance(timedelta(days=61))
    await polled.close_shipment("expired")
    polled.clock.advance(timedelta(days=1))
    await again(polled, shipment)
    (row,) = await polled.way_in.rows("shipments")
    assert (row["closed_at"], row["closed_reason"]) == (None, None)
    assert row["tried_at"] is not None
    await polled.poll()
    assert polled.carrier.asks == [["AC1"]]


async def test_one_that_is_closed_otherwise_is_asked_for_once(polled: Polled) -> None:
    shipment = await polled.way_in.register("AC1")
    await polled.close_shipment("lost")
    await again(polled, shipment)
    await polled.poll()
    await polled.poll(days=9)
    assert polled.carrier.asks == [["AC1"]]
    (row,) = await polled.way_in.rows("shipments")
    assert row["closed_reason"] == "lost"


async def test_what_a_person_wants_to_know_is_asked_for_until_it_is_answered(
    polled: Polled,
) -> None:
    shipment = await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    polled.carrier.ways = [raising(TimeoutError())]
    await again(polled, shipment)
    await polled.poll()
    await polled.poll(minutes=15)
    assert await polled.codes() == ["IT"]


@pytest.mark.parametrize("because", ["cancelled", "erased"])
async def test_one_that_is_over_is_refused(polled: Polled, because: str) -> None:
    shipment = await polled.way_in.register("AC1")
    await polled.close_shipment(because)
    with pytest.raises(Conflict, match=because):
        await again(polled, shipment)


async def test_one_whose_carrier_only_calls_is_refused(polled: Polled) -> None:
    shipment = await polled.way_in.register("AC1")
    with pytest.raises(
        Conflict, match="the carrier is not polled under contract acme"
    ) as found:
        await again(polled, shipment, ["owl"])
    assert "sends webhooks" in found.value.hint
    notes = await polled.way_in.rows("notes")
    assert [n["text"] for n in notes] == ["registered"]


async def test_one_that_is_not_there_is_named(polled: Polled) -> None:
    with pytest.raises(NotFound, match="shipment not found"):
        await again(polled, "nothing")
