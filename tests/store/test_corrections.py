"""What people change afterwards: numbers, cancellations, retries, judgements."""

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from relay.clock import micros
from relay.domain.events import Reference, ReferenceKind
from relay.domain.fiscal import NfeKey, check_digit
from relay.domain.labels import Correction, Handover, Label, LabelParcel
from relay.errors import Conflict, NotFound
from relay.store.amendments import KEEPS_DATE
from relay.store.codec import dumps
from relay.store.corrections import ALERT, CorrectionResult
from relay.store.handovers import Handovers
from relay.store.operator_actions import EventDecision, OperatorActions
from relay.store.shipments import Shipments
from tests.support.acme import body, scan
from tests.support.way_in import DAY, WayIn

CODE = Reference(kind=ReferenceKind.VOLUME_CODE, value="V1")
LABEL = Label(
    account="store",
    contract="acme",
    order_id="O-1",
    invoice_number="1",
    parcels=(LabelParcel("BR1", references=(CODE,)),),
    send_tracking="BR1",
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
    tracking_sent={
        "tracking_number": "BR2",
        "tracking_url": "https://acme.example/BR2",
    },
)
UPDATED = ("trackingNumber", "trackingUrl")


class Desk:
    """A shipment under number BR1, and the people who change it."""

    def __init__(self, way_in: WayIn, id_: str) -> None:
        self.way_in = way_in
        self.corrections = OperatorActions(way_in.database)
        self.id = id_

    async def correct(self, correction: Correction = TO_BR2) -> CorrectionResult:
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

    async def published(self) -> None:
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
                await tx.run("store_published", **key, **rest, now=micros(self.now))
                await tx.run("accept_published", **key, now=micros(self.now))

    async def withdrawn(self) -> list[bool]:
        return [
            t["withdrawn_at"] is not None for t in await self.way_in.rows("published")
        ]

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
    registered = await Shipments(way_in.database).register(LABEL, way_in.clock())
    return Desk(way_in, registered.id)


# A number is corrected


async def test_the_events_of_a_wrong_number_are_dropped_and_no_longer_told(
    desk: Desk,
) -> None:
    await desk.scanned("BR1", "BR2")
    await desk.published()

    corrected = await desk.correct()

    assert corrected == CorrectionResult(UPDATED, ())
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
    await desk.published()

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
    await desk.set(stuck_reason="400: odd", stuck_at=1, due_at=None, attempts=12)
    desk.way_in.clock.advance(DAY)

    await desk.correct()

    row = await desk.row()
    assert row["stuck_reason"] is None
    assert row["due_at"] == micros(desk.now)
    assert row["attempts"] == 0
    assert row["tracking_number"] == "BR2"
    assert row["tracking_url"] == "https://acme.example/BR2"
    assert row["courier"] == "Acme"


async def test_a_correction_tells_its_story(desk: Desk) -> None:
    await desk.correct()

    assert (await desk.notes())[-1] == (
        "corrected: trackingNumber, trackingUrl; tracking number "
        "of volume 1: BR1 -> BR2; events of the old number are dropped"
    )


async def test_the_same_correction_again_changes_nothing(desk: Desk) -> None:
    await desk.correct()
    before = await desk.row()

    again = await desk.correct(replace(TO_BR2, was=("acme", "BR2")))

    assert again == CorrectionResult((), ())
    assert await desk.row() == before
    assert len(await desk.notes()) == 2


async def test_another_spelling_of_the_number_keeps_its_history(desk: Desk) -> None:
    await desk.scanned("BR1")
    spelled = replace(TO_BR2, number="br1", tracking_sent={"tracking_number": "br1"})

    corrected = await desk.correct(spelled)

    assert corrected.updated == ("trackingNumber",)
    assert await desk.matched() == [(1, 1)]
    assert (await desk.notes())[-1] == "corrected: trackingNumber"
    assert (await desk.way_in.rows("parcels"))[0]["tracking_number"] == "br1"


async def test_a_number_that_was_missing_is_added(desk: Desk) -> None:
    await Shipments(desk.way_in.database).register(replace(LABEL, volumes=2), desk.now)
    await desk.scanned("BR2")

    await desk.correct(
        Correction(was=("acme", None), contract="acme", volume=2, number="BR2")
    )

    assert await desk.matched() == [(1, 2)]
    assert (await desk.row())["tracking_number"] == "BR1"
    assert "of volume 2: none -> BR2" in (await desk.notes())[-1]


async def test_only_the_fields_that_vtex_is_told_are_corrected(desk: Desk) -> None:
    courier = Correction(
        was=("acme", "BR1"), contract="acme", tracking_sent={"courier": None}
    )

    corrected = await desk.correct(courier)

    assert corrected.updated == ("courier",)
    assert (await desk.row())["courier"] is None
    assert (await desk.notes())[-1] == "corrected: courier"


async def test_a_number_that_is_open_under_another_order_is_warned_of(
    desk: Desk,
) -> None:
    await Shipments(desk.way_in.database).register(OTHER, desk.now)
    await desk.scanned("BR9")

    corrected = await desk.correct(replace(TO_BR2, number="BR9"))

    assert "also used by open order O-2, invoice 2" in corrected.warnings[0]
    assert await desk.matched() == [(1, 1), (1, 1)]


async def test_scans_that_go_back_to_another_shipment_are_its_news(desk: Desk) -> None:
    await Shipments(desk.way_in.database).register(OTHER, desk.now)
    await desk.scanned("BR9")
    await desk.correct(replace(TO_BR2, number="BR9"))

    await desk.correct(replace(TO_BR2, was=("acme", "BR9"), number="BR1"))

    assert await desk.matched() == [(1, 1)]
    assert [r["shipment"] for r in await desk.way_in.rows("event_parcels")] == [2]


# A contract is corrected


TO_ZETA = Correction(
    was=("acme", "BR1"), contract="zeta", tracking_sent={"courier": "Z"}
)


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


# A key or a date is corrected


def nfe_key(number: int) -> str:
    head = f"3526031122233300018155001{number:0>9}100000001"
    return head + check_digit(head)


OLD_KEY, NEW_KEY = nfe_key(1), nfe_key(2)


def of_key(key: str) -> tuple[Reference, ...]:
    invoice = NfeKey.parse(key).reference
    return (
        Reference(kind=ReferenceKind.INVOICE_KEY, value=key),
        Reference(kind=ReferenceKind.INVOICE, value=invoice),
    )


KEYED = replace(LABEL, invoice_key=OLD_KEY, invoice_references=of_key(OLD_KEY))
TO_NEW_KEY = Correction(
    was=("acme", "BR1"),
    contract="acme",
    invoice_key=NEW_KEY,
    key_references=of_key(NEW_KEY),
)


@pytest.fixture
async def keyed(desk: Desk) -> Desk:
    """Give the shipment a key of its invoice, and a scan under each of two keys."""
    await Shipments(desk.way_in.database).register(KEYED, desk.now)
    for key in (OLD_KEY, NEW_KEY):
        by_key = scan("", "IT", desk.now, refs=[["invoice_key", key]])
        await desk.way_in.keep(body(by_key))
    await desk.way_in.read()
    assert await desk.matched() == [(1, 0)]
    return desk


async def living(desk: Desk, contract: str = "acme") -> list[str]:
    found = await desk.references()
    return [value for name, value, voided in found if name == contract and not voided]


async def test_the_events_of_a_wrong_key_are_dropped_and_those_of_the_right_one_count(
    keyed: Desk,
) -> None:
    await keyed.published()

    corrected = await keyed.correct(TO_NEW_KEY)

    assert corrected == CorrectionResult(("invoiceKey",), ())
    assert await keyed.matched() == [(2, 0)]
    assert await keyed.withdrawn() == [True]
    new = [r.value for r in of_key(NEW_KEY)]
    assert await living(keyed) == sorted(["BR1", "O-1", "V1", *new])
    assert (await keyed.row())["invoice_key"] == NEW_KEY
    note = (await keyed.notes())[-1]
    assert note == f"corrected: invoiceKey; the invoice key was {OLD_KEY}"


async def test_the_history_of_a_key_may_be_kept(keyed: Desk) -> None:
    await keyed.correct(replace(TO_NEW_KEY, keep=True))

    assert await keyed.matched() == [(1, 0), (2, 0)]
    assert {OLD_KEY, NEW_KEY} <= set(await living(keyed))


async def test_a_key_that_was_missing_is_added(desk: Desk) -> None:
    await desk.correct(TO_NEW_KEY)

    assert NEW_KEY in await living(desk)
    assert (await desk.notes())[-1].endswith("the invoice key was missing")


async def test_a_key_that_was_none_at_all_is_given_up(desk: Desk) -> None:
    odd = Reference(kind=ReferenceKind.INVOICE_KEY, value="L" * 44)
    label = replace(KEYED, invoice_key=odd.value, invoice_references=(odd,))
    await Shipments(desk.way_in.database).register(label, desk.now)

    await desk.correct(TO_NEW_KEY)

    assert odd.value not in await living(desk)


async def test_what_both_keys_say_of_the_invoice_stays(keyed: Desk) -> None:
    head = OLD_KEY[:35] + "2" + OLD_KEY[36:-1]
    reissued = head + check_digit(head)
    references = of_key(reissued)
    assert references[1:] == of_key(OLD_KEY)[1:]

    change = {"invoice_key": reissued, "key_references": references}
    await keyed.correct(replace(TO_NEW_KEY, **change))

    invoice = references[1].value
    assert await living(keyed) == sorted(["BR1", "O-1", "V1", reissued, invoice])


async def test_a_key_is_kept_here_after_the_delivery_was_told(keyed: Desk) -> None:
    await keyed.set(delivered_published_at=1, due_at=None)

    corrected = await keyed.correct(TO_NEW_KEY)

    assert corrected == CorrectionResult(("invoiceKey",), (ALERT,))
    assert (await keyed.row())["due_at"] is None


async def test_the_same_key_again_changes_nothing(keyed: Desk) -> None:
    same = replace(TO_NEW_KEY, invoice_key=OLD_KEY, key_references=of_key(OLD_KEY))

    assert await keyed.correct(same) == CorrectionResult((), ())


async def test_a_second_carrier_gets_the_right_key_as_well(keyed: Desk) -> None:
    placed = tuple((reference, 1) for reference in of_key(OLD_KEY))
    handovers = Handovers(keyed.way_in.database)
    await handovers.handover(keyed.id, Handover("zeta", 1, placed), keyed.now)

    await keyed.correct(TO_NEW_KEY)

    new = sorted(r.value for r in of_key(NEW_KEY))
    assert await living(keyed, "zeta") == new
    volumes = {r["volume"] for r in await keyed.way_in.rows("parcel_references")}
    assert volumes == {0, 1}


async def test_contract_and_key_are_corrected_at_once(keyed: Desk) -> None:
    await keyed.correct(replace(TO_NEW_KEY, contract="zeta"))

    new = [r.value for r in of_key(NEW_KEY)]
    assert await living(keyed) == []
    assert await living(keyed, "zeta") == sorted(["BR1", "O-1", "V1", *new])


async def test_who_is_asked_for_the_key_is_asked_at_once(keyed: Desk) -> None:
    await keyed.correct(TO_NEW_KEY)

    (poll,) = await keyed.way_in.rows("parcel_polls")
    assert (poll["poll_lane"], poll["poll_at"]) == (0, micros(keyed.now))


def to_date(at: Any) -> Correction:
    date = at.isoformat()
    was = ("acme", "BR1")
    return Correction(was, "acme", dispatched_at=at, dispatched_date=date)


async def test_a_dispatch_date_that_was_wrong_moves_the_lower_bound_both_ways(
    desk: Desk,
) -> None:
    began = desk.now
    desk.way_in.clock.advance(-20 * DAY)
    await desk.scanned("BR1")
    desk.way_in.clock.advance(20 * DAY)
    assert await desk.matched() == []

    corrected = await desk.correct(to_date(began - 20 * DAY))
    assert corrected == CorrectionResult(("dispatchedDate",), ())
    assert await desk.matched() == [(1, 1)]
    await desk.published()

    await desk.correct(to_date(began))
    assert await desk.matched() == []
    assert await desk.withdrawn() == [True]
    row = await desk.row()
    assert row["dispatched_at"] == micros(began)
    assert row["dispatched_date"] == began.isoformat()
    assert row["due_at"] == micros(desk.now)


async def test_vtex_keeps_the_date_that_it_was_told(desk: Desk) -> None:
    published = {"tracking_number": "BR1", "tracking_url": LABEL.tracking_url}
    tracking_sent = dumps(
        published | {"courier": "Acme", "dispatched_date": "2026-03-01"}
    )
    await desk.set(tracking_sent_as=tracking_sent)

    alone = await desk.correct(to_date(desk.now))
    beside = await desk.correct(
        replace(to_date(desk.now - DAY), tracking_sent={"courier": "Other"})
    )

    assert alone.warnings == (KEEPS_DATE,)
    assert beside.warnings == ()


async def test_a_promised_day_is_corrected_and_vtex_is_not_told(desk: Desk) -> None:
    await desk.set(stuck_reason="400: odd", stuck_at=1, due_at=None)
    promised = Correction(("acme", "BR1"), "acme", promised_on="2026-03-09")

    corrected = await desk.correct(promised)

    assert corrected == CorrectionResult(("estimatedDeliveryDate",), ())
    row = await desk.row()
    assert row["promised_on"] == "2026-03-09"
    assert (row["due_at"], row["stuck_reason"]) == (None, "400: odd")


# When nothing can be corrected any more


async def test_after_the_delivery_was_told_nothing_changes_at_vtex(desk: Desk) -> None:
    await desk.scanned("BR1")
    await desk.published()
    await desk.set(delivered_published_at=1, due_at=None)
    before = await desk.row()

    corrected = await desk.correct()

    row = await desk.row()
    assert corrected == CorrectionResult(("trackingNumber",), (ALERT,))
    assert row == before
    assert (await desk.way_in.rows("parcels"))[0]["tracking_number"] == "BR2"
    assert await desk.matched() == []
    assert await desk.withdrawn() == [False]
    assert (await desk.notes())[-1].endswith(
        "nothing changes at VTEX: the delivery was already published"
    )


async def test_a_page_is_not_corrected_after_the_delivery_was_told(desk: Desk) -> None:
    await desk.set(delivered_published_at=1)
    page = {"tracking_url": "https://other.example"}

    corrected = await desk.correct(
        Correction(was=("acme", "BR1"), contract="acme", tracking_sent=page)
    )

    assert corrected == CorrectionResult((), (ALERT,))
    assert (await desk.row())["tracking_url"] == "https://acme.example/BR1"


async def test_a_cancelled_shipment_is_not_corrected(desk: Desk) -> None:
    await desk.corrections.cancel(desk.id, "erp", desk.now)

    with pytest.raises(Conflict) as found:
        await desk.correct()

    assert "to register it" in found.value.hint


@pytest.mark.parametrize("was", [("zeta", "BR1"), ("acme", "BR7")])
async def test_a_correction_of_what_is_there_no_more_is_a_conflict(
    desk: Desk, was: tuple[str, str]
) -> None:
    with pytest.raises(Conflict) as found:
        await desk.correct(replace(TO_BR2, was=was))

    assert "read it again" in found.value.hint


async def test_a_forgotten_order_stays_forgotten(desk: Desk) -> None:
    await desk.set(closed_reason="erased", closed_at=1)

    for change in (
        desk.correct(),
        desk.corrections.cancel(desk.id, "erp", desk.now),
        desk.corrections.retry(desk.id, "erp", desk.now),
        Shipments(desk.way_in.database).register(LABEL, desk.now),
    ):
        with pytest.raises(Conflict, match="erased"):
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
    desk.corrections = OperatorActions(Stealthy(desk.way_in.database))  # type: ignore[arg-type]

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
    await desk.set(stuck_reason="400: odd", stuck_at=1)

    warnings = await desk.corrections.cancel(desk.id, "erp", desk.now)

    row = await desk.row()
    assert warnings == ()
    assert row["closed_reason"] == "cancelled"
    assert (row["due_at"], row["stuck_reason"]) == (None, None)
    assert (await desk.notes())[-1] == "cancelled by erp"


async def test_cancelling_twice_is_cancelling_once(desk: Desk) -> None:
    await desk.corrections.cancel(desk.id, "erp", desk.now)

    assert await desk.corrections.cancel(desk.id, "erp", desk.now) == ()
    assert len(await desk.notes()) == 2


async def test_what_vtex_was_told_stays_there_after_a_cancellation(desk: Desk) -> None:
    await desk.set(tracking_sent_as="{}")

    (warning,) = await desk.corrections.cancel(desk.id, "erp", desk.now)

    assert "keeps it" in warning


async def test_a_delivery_that_was_told_cannot_be_cancelled(desk: Desk) -> None:
    await desk.set(delivered_published_at=1)

    with pytest.raises(Conflict):
        await desk.corrections.cancel(desk.id, "erp", desk.now)


async def test_a_stuck_shipment_is_tried_again_at_once(desk: Desk) -> None:
    await desk.set(stuck_reason="400: odd", stuck_at=1, due_at=None, not_before=9)

    await desk.corrections.retry(desk.id, "ana", desk.now)

    row = await desk.row()
    assert row["due_at"] == micros(desk.now)
    assert (row["stuck_reason"], row["not_before"]) == (None, None)
    assert (await desk.notes())[-1] == "retry requested by ana"


async def test_a_doubt_is_waited_for_even_by_who_is_impatient(desk: Desk) -> None:
    await desk.set(in_doubt_since=1, not_before=9)

    await desk.corrections.retry(desk.id, "ana", desk.now)

    assert (await desk.row())["not_before"] == 9


async def test_a_cancelled_shipment_is_not_tried_again(desk: Desk) -> None:
    await desk.corrections.cancel(desk.id, "erp", desk.now)

    with pytest.raises(Conflict):
        await desk.corrections.retry(desk.id, "ana", desk.now)


# Events are judged


@pytest.mark.parametrize("decision", ["released", "dropped"])
async def test_a_persons_judgement_of_an_event_is_news(
    desk: Desk, decision: Any
) -> None:
    await desk.scanned("BR1")
    await desk.set(events_due_at=None, events_waiting_since=None)

    found = await desk.corrections.decide(1, decision, "ana", desk.now)

    assert found == EventDecision((desk.id,), ())
    assert (await desk.way_in.rows("event_parcels"))[0]["decision"] == decision
    assert (await desk.row())["events_due_at"] is not None
    assert (await desk.notes())[-1] == f"event 1 {decision} by ana"


@pytest.mark.parametrize(("event", "accounts"), [(7, None), (1, ["outlet"])])
async def test_an_event_of_nobody_or_of_others_is_not_found(
    desk: Desk, event: int, accounts: list[str] | None
) -> None:
    await desk.scanned("BR1")

    with pytest.raises(NotFound):
        await desk.corrections.decide(event, "dropped", "ana", desk.now, accounts)

    assert (await desk.way_in.rows("event_parcels"))[0]["decision"] is None


async def test_an_event_of_an_account_one_sees_can_be_judged(desk: Desk) -> None:
    await desk.scanned("BR1")

    found = await desk.corrections.decide(1, "dropped", "ana", desk.now, ["store"])

    assert found.shipments == (desk.id,)


async def test_a_scan_under_the_right_number_was_heard_before_the_correction(
    desk: Desk,
) -> None:
    await desk.scanned("BR2")
    assert (await desk.row())["last_event_at"] is None
    heard = desk.now
    desk.way_in.clock.advance(DAY)

    await desk.correct()

    assert (await desk.row())["last_event_at"] == micros(heard)
