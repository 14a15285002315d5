"""Labels in the store: shipments, parcels, references, and who waited for them."""

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from relay.clock import micros
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.domain.labels import Label, LabelParcel
from relay.errors import Conflict
from relay.store import lanes
from relay.store.codec import loads, new_id
from relay.store.shipments import RegistrationResult, Shipments
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import DAY, WayIn

LABEL = Label(
    account="store",
    contract="acme",
    order_id="O-1",
    invoice_number="1",
    parcels=(LabelParcel("BR1"),),
    send_tracking="BR1",
    tracking_url="https://acme.example/BR1",
    courier="Acme",
)
KEY = Reference(kind=ReferenceKind.INVOICE_KEY, value="K" * 44)


def numbers(*given: str | None) -> dict[str, Any]:
    return {"parcels": tuple(LabelParcel(n) for n in given)}


@pytest.fixture
def labels(way_in: WayIn) -> Shipments:
    return Shipments(way_in.database)


async def register(
    labels: Shipments, way_in: WayIn, **changed: Any
) -> RegistrationResult:
    return await labels.register(replace(LABEL, **changed), way_in.clock())


async def only(way_in: WayIn, table: str = "shipments") -> dict[str, Any]:
    (row,) = await way_in.rows(table)
    return row


async def notes(way_in: WayIn) -> list[str]:
    return [n["text"] for n in await way_in.rows("notes")]


async def scanned(way_in: WayIn, number: str, **more: Any) -> None:
    """Read one scan of *number*, now."""
    await way_in.keep(body(scan(number, "IT", way_in.clock(), **more)))
    await way_in.read()


async def targets(way_in: WayIn) -> list[tuple[int, int]]:
    found = await way_in.rows("event_parcels")
    return [(r["shipment"], r["volume"]) for r in found]


async def test_a_new_label_is_a_shipment_that_is_due_at_once(
    labels: Shipments, way_in: WayIn
) -> None:
    registered = await register(labels, way_in)

    row = await only(way_in)
    assert registered.created
    assert registered.id == row["id"]
    assert (registered.updated, registered.warnings) == ((), ())
    assert row["due_at"] == row["registered_at"]
    assert row["lane"] == lanes.LABEL
    assert row["tracking_number"] == "BR1"
    assert await notes(way_in) == ["registered"]
    assert (await only(way_in, "accounts"))["account"] == "store"


async def test_the_same_label_again_writes_nothing(
    labels: Shipments, way_in: WayIn
) -> None:
    first = await register(labels, way_in)
    before = await only(way_in)
    way_in.clock.advance(DAY)

    again = await register(labels, way_in)

    assert again == RegistrationResult(first.id, created=False, updated=(), warnings=())
    assert await only(way_in) == before
    assert await notes(way_in) == ["registered"]


async def test_a_number_that_comes_later_makes_the_shipment_due_again(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(
        labels, way_in, **numbers(None), send_tracking=None, tracking_url=None
    )

    again = await register(labels, way_in)

    row = await only(way_in)
    assert again.updated == ("trackingNumber", "trackingUrl")
    assert not again.created
    assert row["version"] == 2
    assert row["tracking_number"] == "BR1"
    assert (await only(way_in, "parcels"))["tracking_number"] == "BR1"
    noted = "registered again: trackingNumber, trackingUrl"
    assert await notes(way_in) == ["registered", noted]


async def test_every_announced_volume_is_a_parcel_and_later_labels_fill_them(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in, volumes=3)

    again = await register(labels, way_in, **numbers("BR2"))

    found = [p["tracking_number"] for p in await way_in.rows("parcels")]
    assert found == ["BR1", "BR2", None]
    assert not again.created
    assert again.updated == ("trackingNumber",)


async def test_a_volume_more_is_created(labels: Shipments, way_in: WayIn) -> None:
    await register(labels, way_in)

    again = await register(labels, way_in, parcels=(LabelParcel("BR2", 2),))

    assert again.created
    assert (await only(way_in))["volumes"] == 2
    assert again.warnings[0].startswith("volumes: raised from 1 to 2; ")


async def test_a_reprint_without_its_number_keeps_it(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in)

    again = await register(labels, way_in, **numbers(None), send_tracking=None)

    assert again.updated == ()
    assert (await only(way_in, "parcels"))["tracking_number"] == "BR1"


async def test_a_conflict_changes_nothing(labels: Shipments, way_in: WayIn) -> None:
    await register(labels, way_in)
    before = await way_in.rows("reference_values")

    with pytest.raises(Conflict):
        await register(labels, way_in, **numbers("BR2"))

    assert await way_in.rows("reference_values") == before


async def test_a_reference_that_comes_later_is_named_and_scans_under_it_count(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in)
    await scanned(way_in, "", refs=[["invoice_key", "K" * 44]])
    assert await targets(way_in) == []

    again = await register(labels, way_in, invoice_references=(KEY,))

    assert again.updated == ("references",)
    assert [v for _, v in await targets(way_in)] == [0]
    assert (await only(way_in))["events_due_at"] is not None


async def test_a_key_that_contradicts_the_registered_one_is_not_listened_to(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in, invoice_key="L" * 44)

    again = await register(
        labels,
        way_in,
        invoice_key="K" * 44,
        invoice_references=(KEY,),
        given=frozenset({"invoice_key"}),
    )

    assert again.updated == ()
    assert (
        "invoiceKey: ignored, because another value is registered" in again.warnings[0]
    )
    assert len(await way_in.rows("parcel_references")) == 2


async def test_a_scan_that_beat_its_label_counts_with_it(
    labels: Shipments, way_in: WayIn
) -> None:
    await scanned(way_in, "br 1")

    await register(labels, way_in)

    assert [v for _, v in await targets(way_in)] == [1]


def dispatched(at: datetime) -> dict[str, Any]:
    return {"dispatched_at": at, "dispatched_date": at.isoformat()}


async def test_an_earlier_dispatch_date_is_taken_over_and_lets_earlier_scans_count(
    labels: Shipments, way_in: WayIn
) -> None:
    await scanned(way_in, "BR1")
    way_in.clock.advance(20 * DAY)
    await register(labels, way_in, **dispatched(way_in.clock()))
    assert await targets(way_in) == []

    again = await register(labels, way_in, **dispatched(START))

    assert (again.updated, again.warnings) == (("dispatchedDate",), ())
    assert [v for _, v in await targets(way_in)] == [1]
    row = await only(way_in)
    assert row["dispatched_date"] == START.isoformat()
    assert row["dispatched_at"] == micros(START)
    dated = {r["dispatched_at"] for r in await way_in.rows("parcel_references")}
    assert dated == {micros(START)}
    assert (await notes(way_in))[-1] == "registered again: dispatchedDate"


async def test_a_later_dispatch_date_moves_nothing_and_says_so(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in, **dispatched(START))
    before = await way_in.rows("parcel_references"), await only(way_in)

    again = await register(labels, way_in, **dispatched(START + DAY))
    await register(labels, way_in, **numbers("BR1"))

    assert again.updated == ()
    stays = "dispatchedDate: ignored, because an earlier one is registered"
    assert again.warnings == (stays,)
    assert (await way_in.rows("parcel_references"), await only(way_in)) == before


async def test_a_number_that_is_open_under_another_order_is_warned_of(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in)
    await scanned(way_in, "BR1")

    other = await register(labels, way_in, order_id="O-2", invoice_number="2")

    assert other.created
    (warning,) = other.warnings
    assert "also used by open order O-1, invoice 1" in warning
    assert len(await targets(way_in)) == 2


async def test_what_vtex_got_with_the_invoice_is_announced_already(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in, tracking_sent=True)
    published = (await only(way_in))["tracking_sent_as"]

    assert loads(published) == {
        "tracking_number": "BR1",
        "tracking_url": "https://acme.example/BR1",
        "courier": "Acme",
        "dispatched_date": None,
        "stated": True,
    }


async def test_nothing_is_announced_already_without_a_number(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(
        labels, way_in, **numbers(None), send_tracking=None, tracking_sent=True
    )

    assert (await only(way_in))["tracking_sent_as"] is None


async def test_what_no_database_can_keep_is_replaced(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in, courier="A\0cme")

    assert (await only(way_in))["courier"] == "A\N{REPLACEMENT CHARACTER}cme"


async def test_a_cancelled_shipment_begins_anew(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(
        labels,
        way_in,
        parcels=(LabelParcel("BR1"), LabelParcel("BR2")),
        dispatched_at=START,
    )
    await scanned(way_in, "BR2")
    async with way_in.database.writing() as tx:
        await tx.run("cancel_shipment", shipment=1, now=0)
    way_in.clock.advance(DAY)

    again = await register(
        labels, way_in, **numbers("BR3"), send_tracking="BR3", tracking_url=None
    )

    row = await only(way_in)
    assert again.created
    assert again.updated == ()
    assert (row["volumes"], row["closed_reason"], row["closed_at"]) == (1, None, None)
    assert (row["tracking_number"], row["tracking_url"]) == ("BR3", None)
    assert row["dispatched_at"] is None
    assert (await only(way_in, "parcels"))["tracking_number"] == "BR3"
    assert await targets(way_in) == []
    registered = await way_in.rows("parcel_references")
    voided = sorted(r["given"] for r in registered if r["voided_at"])
    assert voided == ["BR1", "BR2"]


async def test_the_scans_of_a_label_that_was_cancelled_by_mistake_count_again(
    labels: Shipments, way_in: WayIn
) -> None:
    await register(labels, way_in)
    await scanned(way_in, "BR1")
    async with way_in.database.writing() as tx:
        await tx.run("cancel_shipment", shipment=1, now=0)

    await register(labels, way_in)

    assert [v for _, v in await targets(way_in)] == [1]


async def test_a_label_adopts_the_number_that_a_scan_brought_before_it(
    way_in: WayIn,
) -> None:
    def adopt(parcel: ParcelView) -> tuple[str, str]:
        return "Acme", f"https://acme.example/{parcel.tracking_number}"

    labels = Shipments(way_in.database, adoptions={"acme": adopt})
    refs = [["shipment_id", "S-1"], ["tracking_number", "BR7"]]
    await scanned(way_in, "", refs=refs)
    code = Reference(kind=ReferenceKind.SHIPMENT_ID, value="S-1")
    box = LabelParcel(references=(code,))

    await register(
        labels, way_in, parcels=(box,), send_tracking=None, tracking_url=None
    )

    row = await only(way_in)
    assert row["tracking_number"] == "BR7"
    assert row["tracking_url"] == "https://acme.example/BR7"


def test_ids_sort_by_time_and_are_of_version_7() -> None:
    first, second = new_id(START), new_id(START + timedelta(milliseconds=1))

    assert first < second
    assert (first[14], first[19] in "89ab") == ("7", True)
    assert str(UUID(first)) == first


def test_a_forked_process_has_ids_of_its_own() -> None:
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(there, new_id(START).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert new_id(START) != os.read(here, 36).decode()
    os.close(here)
    os.close(there)
