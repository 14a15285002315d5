"""Where freight has no tracking number at label time, the carrier's event brings it."""

from collections.abc import Callable
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.domain.events import Reference, ReferenceKind
from relay.domain.labels import LabelParcel
from tests.support import acme
from tests.support.clock import START
from tests.support.way_in import WayIn

KEY = "35260312345678000195550010000012341000012345"
INVOICE = Reference(kind=ReferenceKind.INVOICE_KEY, value=KEY)


@pytest.fixture
def freight(way_in: WayIn, settings: Callable[..., Settings]) -> WayIn:
    contract = {"tracking_number": "from_carrier"}
    way_in.contracts = settings({"acme": contract}).contracts
    return way_in


async def label(way_in: WayIn, volumes: int = 1, **more: Any) -> None:
    parcels = tuple(LabelParcel(None, v) for v in range(1, volumes + 1))
    given = {"parcels": parcels, "volumes": volumes, "invoice_references": (INVOICE,)}
    await way_in.register(None, **given | more)


def scan(number: str, *more: tuple[str, str], code: str = "PU") -> bytes:
    refs = [["invoice_key", KEY], ["tracking_number", number], *map(list, more)]
    return acme.body(acme.scan(number, code, START, refs=refs))


async def test_the_number_of_the_first_event_is_adopted(freight: WayIn) -> None:
    await label(freight)
    await freight.keep(scan("ac 123 br"))
    await freight.read()
    (shipment,) = await freight.rows("shipments")
    assert shipment["tracking_number"] == "ac 123 br"
    assert shipment["courier"] == "Acme Express"
    assert shipment["tracking_url"] == "https://acme.example/ac 123 br"
    assert shipment["due_at"] is not None
    (parcel,) = await freight.rows("parcels")
    assert parcel["tracking_number"] == "ac 123 br"
    notes = [n["text"] for n in await freight.rows("notes")]
    assert "the carrier assigned tracking number ac 123 br to volume 1" in notes


async def test_from_then_on_the_number_alone_is_enough(freight: WayIn) -> None:
    await label(freight)
    await freight.keep(acme.body(acme.scan("AC9", "IT", START)), scan("AC9"))
    await freight.read()
    await freight.keep(acme.body(acme.scan("AC9", "OD", START)))
    await freight.read()
    matched = {m["event"] for m in await freight.rows("event_parcels")}
    assert matched == {e["event"] for e in await freight.rows("events")}
    assert len(matched) == 3


async def test_a_second_number_changes_nothing(freight: WayIn) -> None:
    await label(freight)
    await freight.keep(scan("AC1"))
    await freight.read()
    await freight.keep(scan("AC2", code="OD"))
    await freight.read()
    (shipment,) = await freight.rows("shipments")
    assert shipment["tracking_number"] == "AC1"


async def test_what_the_label_said_stays(freight: WayIn) -> None:
    await label(freight, courier="Expresso", tracking_url="https://store.example/1")
    await freight.keep(scan("AC1"))
    await freight.read()
    (shipment,) = await freight.rows("shipments")
    assert (shipment["courier"], shipment["tracking_url"]) == (
        "Expresso",
        "https://store.example/1",
    )


async def test_an_event_of_the_whole_invoice_gives_no_box_a_number(
    freight: WayIn,
) -> None:
    await label(freight, volumes=2)
    await freight.keep(scan("AC1"))
    await freight.read()
    assert {p["tracking_number"] for p in await freight.rows("parcels")} == {None}


async def test_each_box_gets_the_number_of_its_own_events(freight: WayIn) -> None:
    parcels = tuple(
        LabelParcel(
            None, v, (Reference(kind=ReferenceKind.VOLUME_CODE, value=f"V{v}"),)
        )
        for v in (1, 2)
    )
    await label(freight, volumes=2, parcels=parcels)
    for v in (2, 1):
        refs = [["volume_code", f"V{v}"], ["tracking_number", f"AC{v}"]]
        await freight.keep(acme.body(acme.scan("", "PU", START, refs=refs)))
        await freight.read()
    numbers = [p["tracking_number"] for p in await freight.rows("parcels")]
    assert numbers == ["AC1", "AC2"]
    (shipment,) = await freight.rows("shipments")
    assert shipment["tracking_number"] == "AC2"


async def test_events_without_a_number_bring_none(freight: WayIn) -> None:
    await label(freight)
    refs = [["invoice_key", KEY]]
    await freight.keep(acme.body(acme.scan("", "PU", START, refs=refs)))
    await freight.read()
    (shipment,) = await freight.rows("shipments")
    assert shipment["tracking_number"] is None


async def test_other_contracts_adopt_nothing(way_in: WayIn) -> None:
    await label(way_in)
    await way_in.keep(scan("AC1"))
    await way_in.read()
    (shipment,) = await way_in.rows("shipments")
    assert shipment["tracking_number"] is None
