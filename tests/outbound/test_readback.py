"""What an order says before the first announcement, of a doubt, and afterwards."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.domain.shipment import SentTrackingNumber, Snapshot, UnconfirmedWrite
from relay.outbound.readback import (
    ORDER_CANCELLED,
    OrderCheck,
    check_order,
    settle_unconfirmed,
    shows_ours,
    verify,
)
from relay.outbound.settlement import Settlement
from relay.store.snapshots import Claim
from relay.vtex.orders import PackageView
from tests.domain.snapshots import NOW, NUMBER, POLICY, event, published, snapshot
from tests.outbound.making import OURS, WAITS, claim, order, package

UNANNOUNCED = snapshot(tracking_sent_as=None, looked=False)
SCAN, HELD = event(1, "in_transit", 5), event(2, "held", 6)
SENT = published(SCAN, accepted=False), published(HELD, accepted=False)
BODY = (
    '{"trackingNumber":"AC9","trackingUrl":null,"courier":null,"dispatchedDate":null}'
)
SECOND = timedelta(seconds=1)


def look(payload: object, of: Claim | None = None) -> OrderCheck:
    claimed = claim(UNANNOUNCED) if of is None else of
    return check_order(claimed, payload, NOW, POLICY.zone, WAITS)


def shown_as(*events: Any, finished: bool = False) -> dict[str, Any]:
    """Return an order that shows these events of the invoice."""
    data = [
        {"lastChange": t.object["date"], "description": t.object["description"]}
        for t in events
    ]
    return order(package(courierStatus={"finished": finished, "data": data}))


def because(found: OrderCheck) -> str:
    assert found.settlement is not None
    return found.settlement.waiting_reason or ""


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (None, "it shows an odd order"),
        ({"surprise": 1}, "it shows an odd order"),
        (order(), "it shows no invoice"),
        (order(package("77"), package("78")), "it shows invoices 77, 78"),
        (order(package("55", type="Input")), "it shows no invoice"),
        (order(package("055")), "the invoice as '055': other zeros"),
        (order(package("55-1")), "the invoice as '55-1': other series"),
    ],
)
def test_an_invoice_that_is_not_shown_is_waited_for(
    payload: object, words: str
) -> None:
    found = look(payload)
    assert words in because(found)
    assert found.settlement is not None
    assert found.settlement.not_before == NOW + WAITS.not_yet
    assert found.changes == ()
    assert not found.claim.snapshot.looked


def test_an_invoice_that_is_never_shown_needs_a_person() -> None:
    late = claim(UNANNOUNCED, failing_since=NOW - WAITS.not_yet_for - SECOND)
    found = look(order(), late)
    assert found.settlement is not None
    assert "it shows no invoice" in (found.settlement.stuck_reason or "")
    assert look(order(), claim(failing_since=NOW - WAITS.not_yet_for)).settlement != (
        found.settlement
    )


def test_a_number_written_otherwise_is_named() -> None:
    assert look(order(package("0055"))).differs == "0055"
    assert look(order(package("77"))).differs is None


def test_a_cancelled_order_closes_its_shipments() -> None:
    found = look(order(package(), status="canceled"))
    assert found.settlement == Settlement(closes_because=ORDER_CANCELLED)


def test_what_vtex_shows_as_ours_needs_no_announcement() -> None:
    found = look(order(package(**OURS)))
    assert found.settlement is None
    assert [q for q, _ in found.changes] == ["record_order_read", "accept_tracking"]
    assert dict(found.changes[0][1])["now"] == micros(NOW)
    assert found.claim.snapshot.looked
    assert found.claim.snapshot.tracking_sent_as == NUMBER


@pytest.mark.parametrize("name", ["trackingNumber", "trackingUrl", "courier"])
def test_what_vtex_shows_otherwise_is_announced(name: str) -> None:
    found = look(order(package(**OURS | {name: "other"})))
    assert [q for q, _ in found.changes] == ["record_order_read"]
    assert found.claim.snapshot.looked
    assert found.claim.snapshot.tracking_sent_as is None


def test_without_a_number_nothing_is_ours() -> None:
    assert not shows_ours(replace(UNANNOUNCED, tracking=None), PackageView("55"))
    number = SentTrackingNumber("AC9")
    mine = PackageView("55", tracking_number="AC9", courier="whoever")
    assert shows_ours(replace(UNANNOUNCED, tracking=number), mine)


# Doubts.


def doubt(known: Snapshot, payload: object) -> OrderCheck:
    return settle_unconfirmed(claim(known), payload, NOW, POLICY.zone, WAITS)


def doubtful(kind: Any, body: str = BODY, **more: Any) -> Snapshot:
    delivered = more.pop("is_delivered", False)
    values = {"in_doubt_since": NOW - SECOND} | more
    return snapshot(pending=UnconfirmedWrite(kind, body, delivered), **values)


@pytest.mark.parametrize("payload", [None, order(), order(package("0055"))])
def test_a_doubt_that_cannot_be_read_waits(payload: object) -> None:
    found = doubt(doubtful("publish"), payload)
    assert "it shows something else" in because(found)
    assert found.changes == ()
    assert found.claim.snapshot.pending is not None


def test_without_a_stored_write_there_is_nothing_to_settle() -> None:
    assert "something else" in because(doubt(snapshot(), order(package())))


def test_an_announcement_that_vtex_shows_was_taken() -> None:
    payload = order(package(trackingNumber="AC9"))
    found = doubt(doubtful("send_tracking", tracking_sent_as=None), payload)
    ((query, row),) = found.changes
    assert query == "accept_tracking"
    assert '"tracking_number":"AC9"' in row["tracking_sent_as"]
    known = found.claim.snapshot
    assert known.tracking_sent_as == SentTrackingNumber("AC9")
    assert (known.pending, known.in_doubt_since, known.looked) == (None, None, True)


def test_an_announcement_that_vtex_does_not_show_was_not_taken() -> None:
    found = doubt(doubtful("send_tracking", tracking_sent_as=None), order(package()))
    row = {"shipment": 1, "delivery_refuted": 0}
    assert found.changes == (("clear_pending", row),)
    known = found.claim.snapshot
    assert (known.tracking_sent_as, known.pending) == (None, None)


def test_what_vtex_shows_of_a_write_is_accepted_and_the_rest_forgotten() -> None:
    guard = published(event(9, "label_created", -1))
    known = doubtful("publish", published=(guard, *SENT))
    found = doubt(known, shown_as(SENT[0]))
    assert [q for q, _ in found.changes] == [
        "accept_published",
        "delete_unaccepted",
        "clear_pending",
    ]
    assert found.changes[0][1]["code"] == "in_transit"
    assert found.changes[2][1] == {"shipment": 1, "delivery_refuted": 0}
    assert found.claim.snapshot.published == (guard, replace(SENT[0], accepted=True))
    assert found.claim.snapshot.pending is None
    assert not found.claim.snapshot.delivered_published
    assert found.claim.snapshot.in_doubt_since == NOW - SECOND


def test_a_delivery_that_vtex_shows_was_taken_whole() -> None:
    known = doubtful("publish", published=SENT, is_delivered=True)
    found = doubt(known, shown_as(finished=True))
    assert [q for q, _ in found.changes] == [
        "accept_published",
        "accept_published",
        "delete_unaccepted",
        "accept_publishing",
    ]
    row = {"shipment": 1, "is_delivered": 1, "read_back": 0, "now": micros(NOW)}
    assert found.changes[3][1] == row
    assert found.claim.snapshot.delivered_published
    assert found.claim.snapshot.in_doubt_since is None
    assert all(t.accepted for t in found.claim.snapshot.published)


def test_a_delivery_that_vtex_does_not_show_was_not_taken() -> None:
    known = doubtful("publish", published=SENT, is_delivered=True)
    found = doubt(known, shown_as(*SENT))
    assert found.changes[-1] == (
        "clear_pending",
        {"shipment": 1, "delivery_refuted": 1},
    )
    assert not found.claim.snapshot.delivered_published


def test_a_finished_parcel_says_nothing_of_a_write_without_delivery() -> None:
    found = doubt(doubtful("publish", published=SENT), shown_as(finished=True))
    assert [q for q, _ in found.changes] == ["delete_unaccepted", "clear_pending"]
    assert not found.claim.snapshot.delivered_published


# Afterwards.


PUBLISHED = snapshot(delivered_published=True, in_doubt_since=NOW - SECOND)


def test_a_delivery_that_vtex_shows_is_verified() -> None:
    shown = shown_as(finished=True)
    found = verify(claim(PUBLISHED), shown, NOW, POLICY.zone, WAITS)
    row = {"shipment": 1, "now": micros(NOW)}
    assert found.changes == (("confirm_delivery", row),)
    assert found.claim.snapshot.in_doubt_since is None
    assert found.settlement is None


@pytest.mark.parametrize("payload", [None, order(), shown_as()])
def test_a_delivery_that_is_not_shown_is_looked_at_again(payload: object) -> None:
    found = verify(claim(PUBLISHED), payload, NOW, POLICY.zone, WAITS)
    assert found.changes == ()
    assert found.settlement is not None
    assert found.settlement.not_before == NOW + WAITS.read_back_again


def test_a_delivery_that_is_not_shown_twice_is_told_again() -> None:
    again = claim(PUBLISHED, failing_since=NOW - WAITS.read_back_again)
    found = verify(again, shown_as(), NOW, POLICY.zone, WAITS)
    assert found.changes == (("retract_delivery", {"shipment": 1}),)
    assert found.settlement is None
    assert not found.claim.snapshot.delivered_published
    assert found.claim.failing_since is None
