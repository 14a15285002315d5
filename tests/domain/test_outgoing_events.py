from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.events import Effect, Milestone
from relay.domain.outgoing_events import (
    LONGEST_WAIT,
    OutgoingEvent,
    OutgoingProgress,
    Subscription,
    milestones,
    retry_wait,
)
from relay.domain.publishable import Publishable
from relay.domain.shipment import KnownEvent, Snapshot

START = datetime(2026, 8, 1, 12, tzinfo=UTC)


def scan(n: int, milestone: str, volume: int = 0) -> KnownEvent:
    return KnownEvent(
        event=n,
        volume=volume,
        milestone=Milestone(milestone),
        effect=Effect.NORMAL,
        occurred_at=START + timedelta(hours=n),
        received_at=START + timedelta(hours=n),
        position=0,
        code=milestone,
    )


def found(*events: KnownEvent, delivered: bool = False) -> Publishable:
    at = max(e.occurred_at for e in events) if delivered else None
    return Publishable(events, {}, at, None, None)


def shipment(volumes: int = 1) -> Snapshot:
    return Snapshot(1, "id", "acme", "O-1", "1", "carrier", volumes, START)


def names(events: list[OutgoingEvent]) -> list[tuple[str, Any]]:
    return [(e.type.removeprefix("shipment."), e.data["volume"]) for e in events]


def test_what_was_recorded_or_is_older_is_not_recorded_again() -> None:
    first, progress = milestones(
        shipment(), found(scan(1, "in_transit"), scan(3, "at_hub")), OutgoingProgress()
    )
    assert names(first) == [("in_transit", None), ("at_hub", None)]
    events = (scan(1, "in_transit"), scan(2, "held"), scan(3, "at_hub"))
    again, same = milestones(shipment(), found(*events, scan(4, "at_hub")), progress)
    assert again == []
    stored = OutgoingProgress.parse(same.as_json())
    more, _ = milestones(shipment(), found(scan(5, "held")), stored)
    assert names(more) == [("held", None)]


def test_only_the_last_is_recorded_of_an_older_shipment() -> None:
    events, _ = milestones(
        shipment(), found(scan(1, "in_transit"), scan(2, "held")), None
    )
    assert names(events) == [("held", None)]


def test_a_shipment_is_delivered_once_all_its_parcels_are() -> None:
    one = (scan(1, "delivered", 1), scan(2, "in_transit", 2))
    events, progress = milestones(shipment(2), found(*one), OutgoingProgress())
    assert names(events) == [("partly_delivered", 1), ("in_transit", 2)]
    both = found(*one, scan(3, "delivered", 2), delivered=True)
    events, progress = milestones(shipment(2), both, progress)
    assert names(events) == [("delivered", None)]
    assert milestones(shipment(2), both, progress)[0] == []


def test_an_undone_delivery_is_recorded_and_so_is_the_next_one() -> None:
    delivered = found(scan(1, "delivered"), delivered=True)
    _, progress = milestones(shipment(), delivered, OutgoingProgress())
    undone = found(scan(2, "delivery_failed"))
    events, progress = milestones(shipment(), undone, progress)
    assert [e.type for e in events] == [
        "shipment.delivery_undone",
        "shipment.delivery_failed",
    ]
    again = found(scan(2, "delivery_failed"), scan(3, "delivered"), delivered=True)
    events, _ = milestones(shipment(), again, progress)
    assert names(events) == [("delivered", None)]


@pytest.mark.parametrize(
    ("subscription", "wanted"),
    [
        (Subscription("x"), True),
        (Subscription("x", ["shipment.late"]), True),
        (Subscription("x", ["shipment.*"]), True),
        (Subscription("x", ["shipment.stuck", "alert.*"]), False),
        (Subscription("x", (), ["acme"]), True),
        (Subscription("x", (), ["other"]), False),
    ],
)
def test_a_receiver_wants_types_and_accounts(
    subscription: Subscription, wanted: bool
) -> None:
    event = OutgoingEvent("shipment.late", START, account="acme")
    assert subscription.wants(event) is wanted


def test_an_event_of_no_account_goes_to_every_receiver_that_wants_its_type() -> None:
    alert = OutgoingEvent("alert.opened", START)
    assert Subscription("x").wants(alert)
    assert Subscription("x", (), ["acme"]).wants(alert)


def test_the_wait_grows_with_jitter_and_has_a_limit() -> None:
    waits = [retry_wait(n, 0) for n in range(1, 30)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=10), LONGEST_WAIT)
    assert retry_wait(1, 1) == timedelta(seconds=5)
