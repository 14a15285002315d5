"""What documents say is matched, corrected and withdrawn in one transaction."""

from datetime import timedelta
from typing import Any

from relay.domain.events import (
    Effect,
    Milestone,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.domain.labels import LabelParcel
from relay.store.codec import ids
from relay.store.naming_documents import naming_documents
from tests.support import acme
from tests.support.clock import START
from tests.support.way_in import WayIn

Refs = list[tuple[str, str]]


def said(refs: Refs, code: str = "OD", **more: Any) -> bytes:
    return acme.body(acme.scan("", code, START, refs=refs, **more))


async def matches(way_in: WayIn) -> list[tuple[int, int, bool]]:
    return [
        (m["shipment"], m["volume"], bool(m["ambiguous"]))
        for m in await way_in.rows("event_parcels")
    ]


async def replay(way_in: WayIn, document: int) -> None:
    numbers = [d["document"] for d in reversed(await way_in.documents.list())]
    await way_in.documents.replay(numbers[document])
    await way_in.read()


async def test_an_order_id_counts_where_there_is_one_shipment(way_in: WayIn) -> None:
    await way_in.register("AC1")
    await way_in.keep(said([("order_id", "v1-01")]))
    await way_in.read()
    ((_, volume, ambiguous),) = await matches(way_in)
    assert (volume, ambiguous) == (0, False)


async def test_an_order_id_that_another_number_contradicts_is_ambiguous(
    way_in: WayIn,
) -> None:
    await way_in.register("AC1")
    await way_in.keep(said([("tracking_number", "AC2"), ("order_id", "v1-01")]))
    await way_in.read()
    ((_, _, ambiguous),) = await matches(way_in)
    assert ambiguous


async def test_a_parcel_with_several_numbers_of_a_kind_contradicts_none_of_them(
    way_in: WayIn,
) -> None:
    codes = tuple(Reference(kind=ReferenceKind.VOLUME_CODE, value=v) for v in "AB")
    await way_in.register("AC1", parcels=(LabelParcel("AC1", 1, codes),))
    refs = [("order_id", "v1-01"), ("volume_code", "B")]
    await way_in.keep(said(refs))
    await way_in.read()
    ((_, _, ambiguous),) = await matches(way_in)
    assert not ambiguous


async def test_an_event_whose_references_change_counts_for_another_parcel(
    way_in: WayIn,
) -> None:
    for number in ("AC1", "AC2"):
        await way_in.register(number, order_id=number)
    own = ("shipment_id", "id-1")
    way_in.acme.identifying = ReferenceKind.SHIPMENT_ID
    await way_in.keep(said([own, ("tracking_number", "AC1")]))
    await way_in.read()
    ((first, _, _),) = await matches(way_in)
    way_in.clock.advance(timedelta(minutes=1))
    await way_in.keep(said([own, ("tracking_number", "AC2")]))
    await way_in.read()
    ((second, _, _),) = await matches(way_in)
    assert first != second
    assert len(await way_in.rows("events")) == 1


async def test_of_two_documents_in_a_slice_the_later_one_words_the_event(
    way_in: WayIn,
) -> None:
    number = [("tracking_number", "AC1")]
    way_in.clock.advance(timedelta(hours=1))
    await way_in.keep(said(number, text="later"))
    way_in.clock.advance(timedelta(hours=-1))
    await way_in.keep(said(number, text="earlier"))
    assert await way_in.read() == 2
    (event,) = await way_in.rows("events")
    assert event["description"] == "later"
    assert len(await way_in.rows("event_documents")) == 2


async def test_an_event_stays_as_long_as_one_document_gives_it(way_in: WayIn) -> None:
    number = [("tracking_number", "AC1")]
    await way_in.keep(said(number), said(number, who="again"))
    await way_in.read()
    way_in.acme.returns = []
    await replay(way_in, 0)
    (event,) = await way_in.rows("events")
    assert event["withdrawn_at"] is None
    await replay(way_in, 1)
    (event,) = await way_in.rows("events")
    assert event["withdrawn_at"] is not None


async def test_a_replay_that_says_the_same_changes_nothing(way_in: WayIn) -> None:
    await way_in.keep(said([("tracking_number", "AC1")]))
    await way_in.read()
    before = await way_in.rows("events")
    await replay(way_in, 0)
    assert await way_in.rows("events") == before


async def test_an_event_takes_the_place_of_the_one_it_corrects(way_in: WayIn) -> None:
    number = [("tracking_number", "AC1")]
    await way_in.register("AC1")
    await way_in.keep(said(number, "XX"))
    await way_in.read()
    document = (await way_in.documents.list())[0]["document"]
    way_in.acme.returns = way_in.acme.__class__().parse(_document(said(number, "OD")))
    await way_in.documents.replay(document)
    await way_in.read()
    gone, heir = await way_in.rows("events")
    assert (gone["code"], gone["withdrawn_at"] is None) == ("XX", False)
    assert (heir["code"], heir["withdrawn_at"]) == ("OD", None)


async def test_a_withdrawn_event_that_is_given_again_comes_back(way_in: WayIn) -> None:
    await way_in.keep(said([("tracking_number", "AC1")]))
    await way_in.read()
    way_in.acme.returns = []
    await replay(way_in, 0)
    way_in.acme.returns = None
    await replay(way_in, 0)
    (event,) = await way_in.rows("events")
    assert event["withdrawn_at"] is None


async def test_a_document_that_denies_a_delivery_counts_until_it_no_longer_does(
    way_in: WayIn,
) -> None:
    await way_in.register("AC1")
    (scan,) = way_in.acme.parse(_document(said([("tracking_number", "AC1")])))
    assert isinstance(scan, TrackingEvent)
    plain = scan.model_copy(update={"milestone": Milestone.DELIVERED})
    denied = plain.model_copy(update={"effect": Effect.CONTRADICTORY, "denied": True})
    found = []
    for event in (plain, denied, plain):
        way_in.acme.returns = [event]
        await way_in.keep(said([], text=f"document {len(found)}"))
        await way_in.read()
        found.append(await effect(way_in))
    async with way_in.database.reading() as tx:
        (documents,) = (await naming_documents(tx, {1})).values()
    assert [(one.document, one.denied) for one in documents] == [(2, True), (3, False)]
    await replay(way_in, 1)
    assert [*found, await effect(way_in)] == [
        "normal",
        "contradictory",
        "contradictory",
        "normal",
    ]


async def effect(way_in: WayIn) -> str:
    """Return the effect of the only event of the only shipment."""
    ((shipment, _, _),) = await matches(way_in)
    async with way_in.database.reading() as tx:
        (row,) = await tx.rows("events_of_shipments", rows=ids("shipment", [shipment]))
    return str(row["effect"])


def _document(body: bytes) -> Any:
    return acme.Document(body, START)
