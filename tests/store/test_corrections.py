"""What people change afterwards: numbers, cancellations, retries, judgements."""

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from relay.clock import micros
from relay.errors import Conflict, NotFound
from relay.labels import Correction, Label, LabelParcel
from relay.store.correcting import ALERT
from relay.store.corrections import Corrected, Corrections
from relay.store.labels import Labels
from relay.tracking import Reference, ReferenceKind
from tests.acme import body, scan
from tests.way_in import DAY, WayIn

CODE = Reference(kind=ReferenceKind.VOLUME_CODE, value="V1")
LABEL = Label(
    account="store",
    contract="acme",
    order_id="O-1",
    invoice_number="1",
    parcels=(LabelParcel("BR1", references=(CODE,)),),
    announce="BR1",
    tracking_url="https://acme.example/BR1",
    courier="Acme",
)
OTHER = replace(
    LABEL, order_id="O-2", invoice_number="2", parcels=(LabelParcel("BR9"),)
)
TO_BR2 = Correction(
    was=("acme", "BR1"),
    contract="acme",
    number="BR2",
    announced={"tracking_number": "BR2", "tracking_url": "https://acme.example/BR2"},
)
UPDATED = ("trackingNumber", "trackingUrl")


class Desk:
    """A shipment under number BR1, and the people who change it."""

    def __init__(self, way_in: WayIn, id_: str) -> None:
        self.way_in = way_in
        self.corrections = Corrections(way_in.database)
        self.id = id_

    async def correct(self, correction: Correction = TO_BR2) -> Corrected:
        return await self.corrections.correct(self.id, correction, self.now)

    @property
    def now(self) -> Any:
        return self.way_in.clock()

    async def set(self, **columns: Any) -> None:
        """Set columns of the first shipment behind the store's back."""
        values = ", ".join(
            f"{name} = {'NULL' if value is None else repr(value)}"
            for name, value in columns.items()
        )
        async with self.way_in.database.writing() as tx:
            statement = f"UPDATE shipments SET {values} WHERE shipment = 1"  # noqa: S608 -- a test's own
            await tx._connection.execute(statement)  # type: ignore[attr-defined]  # noqa: SLF001

    async def row(self) -> dict[str, Any]:
        return (await self.way_in.rows("shipments"))[0]

    async def notes(self) -> list[str]:
        return [n["text"] for n in await self.way_in.rows("notes")]

    async def scanned(self, *numbers: str) -> None:
        """Read a scan of each number, now."""
        for number in numbers:
            await self.way_in.keep(body(scan(number, "IT", self.now)))
        await self.way_in.read()

    async def told(self) -> None:
        """Remember that VTEX took what it was told of every event."""
        for match in await self.way_in.rows("event_parcels"):
            key = {
                "shipment": match["shipment"],
                "volume": match["volume"],
                "occurred_at": micros(self.now),
                "code": f"IT{match['event']}",
            }
            rest = {"position": 0, "object": "{}", "event": match["event"]}
            async with self.way_in.database.writing() as tx:
                await tx.run("store_told", **key, **rest, now=micros(self.now))
                await tx.run("accept_told", **key, now=micros(self.now))

    async def withdrawn(self) -> list[bool]:
        return [t["withdrawn_at"] is not None for t in await self.way_in.rows("told")]

    async def matched(self) -> list[tuple[int, int]]:
        """Return the events that count, each with its volume."""
        found = await self.way_in.rows("event_parcels")
        return sorted((r["event"], r["volume"]) for r in found)

    async def references(self) -> list[tuple[str, str, bool]]:
        """Return what is registered: contract, value, and whether it was voided."""
        values = {r["reference"]: r for r in await self.way_in.rows("reference_values")}
        return sorted(
            (values[r["reference"]]["contract"], r["given"], r["voided_at"] is not None)
            for r in await self.way_in.rows("parcel_references")
        )


@pytest.fixture
async def desk(way_in: WayIn) -> Desk:
    registered = await Labels(way_in.database).register(LABEL, way_in.clock())
    return Desk(way_in, registered.id)


# A number is corrected


async def test_the_events_of_a_wrong_number_are_dropped_and_no_longer_told(
    desk: Desk,
) -> None:
    await desk.scanned("BR1", "BR2")
    await desk.told()

    corrected = await desk.correct()

    assert corrected == Corrected(UPDATED, ())
    assert await desk.matched() == [(2, 1)]
    assert await desk.withdrawn() == [True]
    assert await desk.references() == [
        ("acme", "BR1", True),
        ("acme", "BR2", False),
        ("acme", "O-1", False),
        ("acme", "V1", False),
    ]


async def test_the_history_of_a_relabelled_parcel_is_kept(desk: Desk) -> None:
    await desk.scanned("BR1", "BR2")
    await desk.told()

    await desk.correct(replace(TO_BR2, keep=True))

    assert await desk.matched() == [(1, 1), (2, 1)]
    assert await desk.withdrawn() == [False]
    assert ("acme", "BR1", False) in await desk.references()


async def test_the_right_number_counts_from_the_label_on_a_new_one_from_now(
    desk: Desk,
) -> None:
    await desk.scanned("BR2", "BR3")
    desk.way_in.clock.advance(20 * DAY)

    await desk.correct()
    assert await desk.matched() == [(1, 1)]

    relabelled = replace(TO_BR2, was=("acme", "BR2"), number="BR3", keep=True)
    await desk.correct(relabelled)
    assert await desk.matched() == [(1, 1)]


async def test_a_corrected_shipment_is_due_at_once_stuck_or_not(desk: Desk) -> None:
    await desk.set(stuck_because="400: odd", stuck_at=1, due_at=None, attempts=12)
    desk.way_in.clock.advance(DAY)

    await desk.correct()

    row = await desk.row()
    assert row["stuck_because"] is None
    assert row["due_at"] == micros(desk.now)
    assert row["attempts"] == 0
    assert row["tracking_number"] == "BR2"
    assert row["tracking_url"] == "https://acme.example/BR2"
    assert row["courier"] == "Acme"


async def test_a_correction_tells_its_story(desk: Desk) -> None:
    await desk.correct()

    assert (await desk.notes())[-1] == (
        "corrected: trackingNumber, trackingUrl; volume 1 was BR1, is BR2; "
        "the old number's history is dropped"
    )


async def test_the_same_correction_again_changes_nothing(desk: Desk) -> None:
    await desk.correct()
    before = await desk.row()

    again = await desk.correct(replace(TO_BR2, was=("acme", "BR2")))

    assert again == Corrected((), ())
    assert await desk.row() == before
    assert len(await desk.notes()) == 2


async def test_another_spelling_of_the_number_keeps_its_history(desk: Desk) -> None:
    await desk.scanned("BR1")
    spelled = replace(TO_BR2, number="br1", announced={"tracking_number": "br1"})

    corrected = await desk.correct(spelled)

    assert corrected.updated == ("trackingNumber",)
    assert await desk.matched() == [(1, 1)]
    assert (await desk.notes())[-1] == "corrected: trackingNumber"
    assert (await desk.way_in.rows("parcels"))[0]["tracking_number"] == "br1"


async def test_a_number_that_was_missing_is_added(desk: Desk) -> None:
    await Labels(desk.way_in.database).register(replace(LABEL, volumes=2), desk.now)
    await desk.scanned("BR2")

    await desk.correct(
        Correction(was=("acme", None), contract="acme", volume=2, number="BR2")
    )

    assert await desk.matched() == [(1, 2)]
    assert (await desk.row())["tracking_number"] == "BR1"
    assert "was without a number" in (await desk.notes())[-1]


async def test_only_the_fields_that_vtex_is_told_are_corrected(desk: Desk) -> None:
    courier = Correction(
        was=("acme", "BR1"), contract="acme", announced={"courier": None}
    )

    corrected = await desk.correct(courier)

    assert corrected.updated == ("courier",)
    assert (await desk.row())["courier"] is None
    assert (await desk.notes())[-1] == "corrected: courier"


async def test_a_number_that_is_open_under_another_order_is_warned_of(
    desk: Desk,
) -> None:
    await Labels(desk.way_in.database).register(OTHER, desk.now)
    await desk.scanned("BR9")

    corrected = await desk.correct(replace(TO_BR2, number="BR9"))

    assert "also open under order O-2, invoice 2" in corrected.warnings[0]
    assert await desk.matched() == [(1, 1), (1, 1)]


async def test_scans_that_go_back_to_another_shipment_are_its_news(desk: Desk) -> None:
    await Labels(desk.way_in.database).register(OTHER, desk.now)
    await desk.scanned("BR9")
    await desk.correct(replace(TO_BR2, number="BR9"))

    await desk.correct(replace(TO_BR2, was=("acme", "BR9"), number="BR1"))

    assert await desk.matched() == [(1, 1)]
    assert [r["shipment"] for r in await desk.way_in.rows("event_parcels")] == [2]


# A contract is corrected


TO_ZETA = Correction(was=("acme", "BR1"), contract="zeta", announced={"courier": "Z"})


async def test_a_wrong_contract_gives_its_references_to_the_right_one(
    desk: Desk,
) -> None:
    await desk.scanned("BR1")

    corrected = await desk.correct(TO_ZETA)

    assert corrected.updated == ("contract", "courier")
    assert await desk.matched() == []
    assert (await desk.row())["contract"] == "zeta"
    assert {p["contract"] for p in await desk.way_in.rows("parcels")} == {"zeta"}
    assert await desk.references() == [
        ("acme", "BR1", True),
        ("acme", "O-1", True),
        ("acme", "V1", True),
        ("zeta", "BR1", False),
        ("zeta", "O-1", False),
        ("zeta", "V1", False),
    ]


async def test_a_second_carrier_with_a_number_of_its_own_takes_over(
    desk: Desk,
) -> None:
    await desk.scanned("BR1")
    second = replace(TO_ZETA, number="Z1", keep=True)

    await desk.correct(second)

    assert await desk.matched() == [(1, 1)]
    assert await desk.references() == [
        ("acme", "BR1", False),
        ("acme", "O-1", False),
        ("acme", "V1", False),
        ("zeta", "O-1", False),
        ("zeta", "V1", False),
        ("zeta", "Z1", False),
    ]


# When nothing can be corrected any more


async def test_after_the_delivery_was_told_nothing_changes_at_vtex(desk: Desk) -> None:
    await desk.scanned("BR1")
    await desk.told()
    await desk.set(delivered_told_at=1, due_at=None)
    before = await desk.row()

    corrected = await desk.correct()

    row = await desk.row()
    assert corrected == Corrected(("trackingNumber",), (ALERT,))
    assert row == before
    assert (await desk.way_in.rows("parcels"))[0]["tracking_number"] == "BR2"
    assert await desk.matched() == []
    assert await desk.withdrawn() == [False]
    assert (await desk.notes())[-1].endswith("so nothing changes there")


async def test_a_page_is_not_corrected_after_the_delivery_was_told(desk: Desk) -> None:
    await desk.set(delivered_told_at=1)
    page = {"tracking_url": "https://other.example"}

    corrected = await desk.correct(
        Correction(was=("acme", "BR1"), contract="acme", announced=page)
    )

    assert corrected == Corrected((), (ALERT,))
    assert (await desk.row())["tracking_url"] == "https://acme.example/BR1"


async def test_a_cancelled_shipment_is_not_corrected(desk: Desk) -> None:
    await desk.corrections.cancel(desk.id, "erp", desk.now)

    with pytest.raises(Conflict) as found:
        await desk.correct()

    assert "register it anew" in found.value.way_out


@pytest.mark.parametrize("was", [("zeta", "BR1"), ("acme", "BR7")])
async def test_a_correction_of_what_is_there_no_more_is_a_conflict(
    desk: Desk, was: tuple[str, str]
) -> None:
    with pytest.raises(Conflict) as found:
        await desk.correct(replace(TO_BR2, was=was))

    assert "read it again" in found.value.way_out


async def test_a_forgotten_order_stays_forgotten(desk: Desk) -> None:
    await desk.set(closed_because="forgotten", closed_at=1)

    for change in (
        desk.correct(),
        desk.corrections.cancel(desk.id, "erp", desk.now),
        desk.corrections.retry(desk.id, "erp", desk.now),
        Labels(desk.way_in.database).register(LABEL, desk.now),
    ):
        with pytest.raises(Conflict, match="forgotten"):
            await change


class Stealthy:
    """A database in which somebody registers a reference between two reads."""

    def __init__(self, database: Any) -> None:
        self.dialect = database.dialect
        self._database = database

    @asynccontextmanager
    async def writing(self) -> Any:
        async with self._database.writing() as tx:
            yield StealthyTransaction(tx)


class StealthyTransaction:
    def __init__(self, tx: Any) -> None:
        self._tx = tx
        self._reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def rows(self, query: str, **values: Any) -> Any:
        found = await self._tx.rows(query, **values)
        if query != "references_of_shipments":
            return found
        self._reads += 1
        return found[self._reads - 1 :]


async def test_a_reference_that_comes_at_the_same_moment_is_a_conflict(
    desk: Desk,
) -> None:
    desk.corrections = Corrections(Stealthy(desk.way_in.database))  # type: ignore[arg-type]

    with pytest.raises(Conflict):
        await desk.correct()


async def test_a_shipment_that_is_not_there_is_not_found(desk: Desk) -> None:
    desk.id = "nobody"

    for change in (
        desk.correct(),
        desk.corrections.cancel(desk.id, "erp", desk.now),
        desk.corrections.retry(desk.id, "erp", desk.now),
    ):
        with pytest.raises(NotFound):
            await change


# Cancel and retry


async def test_a_cancelled_shipment_is_due_no_more(desk: Desk) -> None:
    await desk.set(stuck_because="400: odd", stuck_at=1)

    warnings = await desk.corrections.cancel(desk.id, "erp", desk.now)

    row = await desk.row()
    assert warnings == ()
    assert row["closed_because"] == "cancelled"
    assert (row["due_at"], row["stuck_because"]) == (None, None)
    assert (await desk.notes())[-1] == "cancelled by erp"


async def test_cancelling_twice_is_cancelling_once(desk: Desk) -> None:
    await desk.corrections.cancel(desk.id, "erp", desk.now)

    assert await desk.corrections.cancel(desk.id, "erp", desk.now) == ()
    assert len(await desk.notes()) == 2


async def test_what_vtex_was_told_stays_there_after_a_cancellation(desk: Desk) -> None:
    await desk.set(announced_as="{}")

    (warning,) = await desk.corrections.cancel(desk.id, "erp", desk.now)

    assert "keeps it" in warning


async def test_a_delivery_that_was_told_cannot_be_cancelled(desk: Desk) -> None:
    await desk.set(delivered_told_at=1)

    with pytest.raises(Conflict):
        await desk.corrections.cancel(desk.id, "erp", desk.now)


async def test_a_stuck_shipment_is_tried_again_at_once(desk: Desk) -> None:
    await desk.set(stuck_because="400: odd", stuck_at=1, due_at=None, not_before=9)

    await desk.corrections.retry(desk.id, "ana", desk.now)

    row = await desk.row()
    assert row["due_at"] == micros(desk.now)
    assert (row["stuck_because"], row["not_before"]) == (None, None)
    assert (await desk.notes())[-1] == "to be tried again, says ana"


async def test_a_doubt_is_waited_for_even_by_who_is_impatient(desk: Desk) -> None:
    await desk.set(in_doubt_since=1, not_before=9)

    await desk.corrections.retry(desk.id, "ana", desk.now)

    assert (await desk.row())["not_before"] == 9


async def test_a_cancelled_shipment_is_not_tried_again(desk: Desk) -> None:
    await desk.corrections.cancel(desk.id, "erp", desk.now)

    with pytest.raises(Conflict):
        await desk.corrections.retry(desk.id, "ana", desk.now)


# Events are judged


@pytest.mark.parametrize("judged", ["released", "dropped"])
async def test_a_persons_judgement_of_an_event_is_news(desk: Desk, judged: Any) -> None:
    await desk.scanned("BR1")
    await desk.set(news_due_at=None, first_news_at=None)

    found = await desk.corrections.judge(1, judged, "ana", desk.now)

    assert found == [desk.id]
    assert (await desk.way_in.rows("event_parcels"))[0]["judged"] == judged
    assert (await desk.row())["news_due_at"] is not None
    assert (await desk.notes())[-1] == f"event 1 {judged} by ana"


@pytest.mark.parametrize(("event", "accounts"), [(7, None), (1, ["outlet"])])
async def test_an_event_of_nobody_or_of_others_is_not_found(
    desk: Desk, event: int, accounts: list[str] | None
) -> None:
    await desk.scanned("BR1")

    with pytest.raises(NotFound):
        await desk.corrections.judge(event, "dropped", "ana", desk.now, accounts)

    assert (await desk.way_in.rows("event_parcels"))[0]["judged"] is None


async def test_an_event_of_an_account_one_sees_can_be_judged(desk: Desk) -> None:
    await desk.scanned("BR1")

    found = await desk.corrections.judge(1, "dropped", "ana", desk.now, ["store"])

    assert found == [desk.id]
