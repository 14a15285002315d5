"""What an order that is read back says of unconfirmed writes and of deliveries."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.domain.shipment import SentTrackingNumber, Snapshot, UnconfirmedWrite
from relay.outbound.readback import settle_unconfirmed
from relay.outbound.settlement import Outcome
from tests.domain.snapshots import NOW, event, published, snapshot
from tests.outbound.making import OURS, claim, context, order, package

SCAN, HELD = event(1, "in_transit", 5), event(2, "held", 6)
SENT = published(SCAN, accepted=False), published(HELD, accepted=False)
BODY = (
    '{"trackingNumber":"AC9","trackingUrl":null,"courier":null,"dispatchedDate":null}'
)
SECOND = timedelta(seconds=1)


def shown_as(*events: Any, finished: bool = False) -> dict[str, Any]:
    """Return an order that shows these events of the invoice."""
    data = [
        {"lastChange": t.object["date"], "description": t.object["description"]}
        for t in events
    ]
    return order(package(courierStatus={"finished": finished, "data": data}))


def because(found: Outcome) -> str:
    assert found.settlement is not None
    return found.settlement.waiting_reason or ""


def settled(known: Snapshot, payload: object) -> Outcome:
    return settle_unconfirmed(claim(known), payload, context())


def unconfirmed(kind: Any, body: str = BODY, **more: Any) -> Snapshot:
    delivered = more.pop("is_delivered", False)
    values = {"in_doubt_since": NOW - SECOND} | more
    return snapshot(pending=UnconfirmedWrite(kind, body, delivered), **values)


@pytest.mark.parametrize("payload", [None, order(), order(package("0055"))])
def test_an_unconfirmed_write_that_cannot_be_read_waits(payload: object) -> None:
    found = settled(unconfirmed("send_events"), payload)
    assert "VTEX does not show the invoice any more" in because(found)
    assert found.changes == ()
    assert found.claim.snapshot.pending is not None


def test_without_a_stored_write_there_is_nothing_to_settle() -> None:
    found = settled(snapshot(), order(package(**OURS)))
    assert found.settlement is None
    assert found.claim.snapshot.pending is None


def test_a_tracking_number_that_vtex_shows_was_taken() -> None:
    payload = order(package(trackingNumber="AC9"))
    found = settled(unconfirmed("send_tracking_number", tracking_sent_as=None), payload)
    ((query, row),) = found.changes
    assert query == "accept_tracking"
    assert '"tracking_number":"AC9"' in row["tracking_sent_as"]
    known = found.claim.snapshot
    assert known.tracking_sent_as == SentTrackingNumber("AC9")
    assert (known.pending, known.in_doubt_since, known.order_checked) == (
        None,
        None,
        True,
    )


def test_a_tracking_number_that_vtex_does_not_show_was_not_taken() -> None:
    found = settled(
        unconfirmed("send_tracking_number", tracking_sent_as=None), order(package())
    )
    row = {"shipment": 1, "delivery_refuted": 0}
    assert found.changes == (("clear_pending", row),)
    known = found.claim.snapshot
    assert (known.tracking_sent_as, known.pending) == (None, None)


def test_what_vtex_shows_of_a_write_is_accepted_and_the_rest_forgotten() -> None:
    guard = published(event(9, "label_created", -1))
    known = unconfirmed("send_events", published=(guard, *SENT))
    found = settled(known, shown_as(SENT[0]))
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
    known = unconfirmed("send_events", published=SENT, is_delivered=True)
    found = settled(known, shown_as(finished=True))
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
    known = unconfirmed("send_events", published=SENT, is_delivered=True)
    found = settled(known, shown_as(*SENT))
    assert found.changes[-1] == (
        "clear_pending",
        {"shipment": 1, "delivery_refuted": 1},
    )
    assert not found.claim.snapshot.delivered_published


def test_a_finished_parcel_says_nothing_of_a_write_without_delivery() -> None:
    found = settled(unconfirmed("send_events", published=SENT), shown_as(finished=True))
    assert [q for q, _ in found.changes] == ["delete_unaccepted", "clear_pending"]
    assert not found.claim.snapshot.delivered_published
