"""What may be published now, when there is more, and how a shipment closes."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from relay.domain.events import Effect, Milestone
from relay.domain.publishable import publishable
from relay.domain.shipment import Snapshot
from tests.domain.snapshots import NOW, POLICY, at, event, published, snapshot

CONFIRMING = replace(POLICY, confirm_provisional_after=timedelta(hours=24))
TELLING_UNKNOWN = replace(POLICY, publish_unknown=True)


def publishable_ids(
    known: Snapshot, now: datetime = NOW, policy: object = POLICY
) -> list[int]:
    return [e.event for e in publishable(known, now, policy).events]  # type: ignore[arg-type]


@pytest.mark.parametrize("milestone", list(Milestone))
@pytest.mark.parametrize("effect", [Effect.NORMAL, Effect.PROVISIONAL])
def test_all_but_unknown_is_published(milestone: Milestone, effect: Effect) -> None:
    known = snapshot(event(1, milestone, 20, effect=effect))
    expected = [] if milestone is Milestone.UNKNOWN else [1]
    assert publishable_ids(known) == expected
    assert publishable_ids(known, policy=TELLING_UNKNOWN) == [1]


def test_administrative_events_are_never_published() -> None:
    known = snapshot(event(1, "held", 20, effect=Effect.ADMINISTRATIVE))
    assert publishable_ids(known, policy=TELLING_UNKNOWN) == []


def test_what_an_operator_dropped_or_a_rule_quarantines_is_not_published() -> None:
    known = snapshot(
        event(1, "held", 1, decision="dropped"),
        event(2, "held", 2, ambiguous=True),
        event(3, "held", 3, ambiguous=True, decision="released"),
    )
    found = publishable(known, NOW, POLICY)
    assert [e.event for e in found.events] == [3]
    assert list(found.quarantined) == [2]


def test_nothing_else_waits_for_a_quarantined_event() -> None:
    known = snapshot(
        event(1, "in_transit", 1),
        event(2, "delivered", 2),
        event(3, "in_transit", 3),
        event(4, "held", 4),
    )
    found = publishable(known, NOW, POLICY)
    assert [e.event for e in found.events] == [1, 3, 4]
    assert found.delivered_at is None
    assert found.closes_because is None


def test_an_event_of_the_future_waits_for_its_time() -> None:
    known = snapshot(event(1, "in_transit", 5), event(2, "delivered", 10))
    early = publishable(known, at(10) - timedelta(seconds=1), POLICY)
    assert [e.event for e in early.events] == [1]
    assert early.delivered_at is None
    assert early.next_at == at(10)
    late = publishable(known, at(10), POLICY)
    assert [e.event for e in late.events] == [1, 2]
    assert late.delivered_at == at(10)
    assert late.next_at is None


def test_the_next_moment_is_the_first_at_which_something_becomes_publishable() -> None:
    known = snapshot(
        event(1, "delivered", 1, effect=Effect.PROVISIONAL),
        event(2, "in_transit", 40),
        event(3, "in_transit", 20, decision="dropped"),
    )
    assert publishable(known, at(10), CONFIRMING).next_at == at(25)
    assert publishable(known, at(25), CONFIRMING).next_at == at(40)
    assert publishable(known, at(10), POLICY).next_at == at(40)
    assert publishable(known, at(40), CONFIRMING).next_at is None


# A reader that is behind.


def test_deliveries_wait_while_the_reader_is_behind() -> None:
    known = snapshot(event(1, "in_transit", 5), event(2, "delivered", 10))
    found = publishable(known, NOW, POLICY, read_up_to=NOW)
    assert [e.event for e in found.events] == [1]
    assert found.delivered_at is None
    assert found.closes_because is None


def test_what_was_received_lately_waits_while_the_reader_is_behind() -> None:
    known = snapshot(
        event(1, "in_transit", 5, received_at=NOW - timedelta(seconds=60)),
        event(2, "held", 6, received_at=NOW - timedelta(seconds=59)),
    )
    read_up_to = NOW - timedelta(seconds=60)
    found = publishable(known, NOW, POLICY, read_up_to=read_up_to)
    assert [e.event for e in found.events] == [1]


# Rollbacks.


def test_a_rollback_of_what_was_not_published_leaves_no_trace() -> None:
    known = snapshot(
        event(1, "in_transit", 1),
        event(2, "delivered", 2),
        event(3, "held", 3, effect=Effect.ROLLBACK),
    )
    found = publishable(known, NOW, POLICY)
    assert [e.event for e in found.events] == [1]
    assert found.delivered_at is None


def test_a_rollback_of_what_was_published_is_published() -> None:
    failed = event(2, "delivery_failed", 2)
    rollback = event(3, "held", 3, effect=Effect.ROLLBACK, code="undo")
    known = snapshot(
        event(1, "in_transit", 1), failed, rollback, published=(published(failed),)
    )
    assert publishable_ids(known) == [1, 3]
    known = replace(known, published=(published(failed, accepted=False),))
    assert publishable_ids(known) == [1]


def test_only_the_rollback_of_what_was_published_is_published() -> None:
    failed = event(1, "delivery_failed", 1)
    known = snapshot(
        failed,
        event(2, "held", 2, effect=Effect.ROLLBACK, code="first"),
        event(3, "out_for_delivery", 3),
        event(4, "held", 4, effect=Effect.ROLLBACK, code="second"),
        published=(published(failed),),
    )
    assert publishable_ids(known) == [2]


def test_a_delivery_after_the_rollback_counts() -> None:
    known = snapshot(
        event(1, "delivered", 1),
        event(2, "held", 2, effect=Effect.ROLLBACK),
        event(3, "delivered", 3, code="again"),
    )
    assert publishable(known, NOW, POLICY).delivered_at == at(3)


# One happening that came by several ways.


def test_one_happening_under_several_references_is_published_once() -> None:
    known = snapshot(
        event(1, "in_transit", 1, position=1),
        event(2, "in_transit", 1, volume=0, position=5),
        event(3, "in_transit", 1, code="another"),
    )
    assert publishable_ids(known) == [3, 2]


def test_the_whole_invoices_event_says_it_of_each_parcel() -> None:
    known = snapshot(
        event(1, "in_transit", 1, volume=1),
        event(2, "in_transit", 1, volume=0),
        event(3, "held", 2, volume=1),
        event(4, "held", 2, volume=2),
        volumes=2,
    )
    assert publishable_ids(known) == [2, 3, 4]


def test_a_sure_event_stands_in_for_its_ambiguous_twin() -> None:
    known = snapshot(
        event(1, "in_transit", 1, volume=0, ambiguous=True), event(2, "in_transit", 1)
    )
    assert publishable_ids(known) == [2]


# Deliveries.


def test_everything_is_delivered_when_every_parcel_is() -> None:
    first, second = event(1, "delivered", 20), event(2, "delivered", 22, volume=2)
    assert publishable(snapshot(first, volumes=2), NOW, POLICY).delivered_at is None
    both = publishable(snapshot(first, second, volumes=2), NOW, POLICY)
    assert both.delivered_at == at(22)
    assert both.closes_because == "delivered"


def test_one_event_of_the_whole_invoice_delivers_all_parcels() -> None:
    known = snapshot(event(1, "delivered", 20, volume=0), volumes=3)
    assert publishable(known, NOW, POLICY).delivered_at == at(20)


def test_the_first_delivery_after_the_last_contradiction_dates_it() -> None:
    known = snapshot(
        event(1, "delivered", 20),
        event(2, "in_transit", 21),
        event(3, "delivered", 22),
        event(4, "delivered", 23, code="once more"),
        event(5, "in_transit", 24, effect=Effect.ADMINISTRATIVE),
    )
    assert publishable(known, NOW, POLICY).delivered_at == at(22)


def test_an_operator_may_decide_for_a_contradicted_delivery() -> None:
    known = snapshot(
        event(1, "delivered", 20, decision="released"), event(2, "in_transit", 21)
    )
    assert publishable(known, NOW, POLICY).delivered_at == at(20)


def test_a_provisional_delivery_is_published_and_delivers_when_it_is_old_enough() -> (
    None
):
    known = snapshot(event(1, "delivered", 20, effect=Effect.PROVISIONAL))
    early, late = at(43), at(44)
    assert publishable_ids(known, early, CONFIRMING) == [1]
    assert publishable(known, early, CONFIRMING).delivered_at is None
    assert publishable(known, late, CONFIRMING).delivered_at == at(20)


# How a shipment closes.


@pytest.mark.parametrize(
    ("ends", "because"),
    [
        ((), None),
        (("in_transit",), None),
        (("lost",), None),
        (("returned",), "returned"),
        (("lost!",), "lost"),
        (("damaged!",), "damaged"),
        (("cancelled!",), "cancelled_by_carrier"),
        (("delivered",), "delivered"),
        (("returned", "in_transit"), None),
        (("delivered", "in_transit"), None),
        (("returned", "returned"), "returned"),
        (("returned", "lost!"), "lost"),
        (("delivered", "returned"), "partly_delivered"),
        (("lost!", "delivered"), "partly_delivered"),
        (("delivered", "delivered"), "delivered"),
    ],
)
def test_a_shipment_closes_when_every_parcel_stands_still(
    ends: tuple[str, ...], because: str | None
) -> None:
    events = [
        event(n, end.rstrip("!"), 20, volume=n, final=end.endswith("!"))
        for n, end in enumerate(ends, start=1)
    ]
    known = snapshot(*events, volumes=max(len(ends), 1))
    assert publishable(known, NOW, POLICY).closes_because == because


def test_a_quarantined_end_closes_nothing() -> None:
    known = snapshot(event(1, "in_transit", 5), event(2, "returned", 6, ambiguous=True))
    assert publishable(known, NOW, POLICY).closes_because is None


def test_what_was_undone_for_one_parcel_still_ends_another() -> None:
    known = snapshot(
        event(1, "returned", 5, volume=0),
        event(2, "held", 6, volume=1, effect=Effect.ROLLBACK),
        event(3, "lost", 7, volume=1, final=True),
        volumes=2,
    )
    assert publishable(known, NOW, POLICY).closes_because == "returned"
