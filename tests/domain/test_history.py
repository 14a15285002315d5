"""One parcel's history: which events count, and what a rollback undoes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.domain.events import Effect, Milestone
from relay.domain.history import (
    AMBIGUOUS,
    CONTRADICTORY,
    IN_FUTURE,
    confirmed,
    delivers,
    final_milestone,
    histories,
    implausible_alone,
    provisional_until,
    scans,
)
from relay.domain.shipment import KnownEvent, PublishedEvent, SentTrackingNumber
from tests.domain.snapshots import NOW, NUMBER, POLICY, at, event, published, snapshot

CONFIRMING = replace(POLICY, confirm_provisional_after=timedelta(hours=24))
ROLLBACK = Effect.ROLLBACK


def test_history_is_sorted_by_time_then_position_then_number() -> None:
    late = event(1, "in_transit", 3)
    tied = event(2, "in_transit", 2, position=1)
    first = event(4, "in_transit", 2, position=0)
    third = event(3, "in_transit", 2, position=1)
    found = histories(snapshot(late, third, tied, first), NOW)[0].events
    assert [e.event for e in found] == [4, 2, 3, 1]


def test_what_counts_for_the_whole_invoice_counts_for_each_parcel() -> None:
    known = snapshot(
        event(1, "in_transit", 1, volume=0),
        event(2, "in_transit", 2, volume=1),
        event(3, "in_transit", 3, volume=2),
        volumes=2,
    )
    assert [e.event for e in histories(known, NOW)[0].events] == [1, 2]
    assert [e.event for e in histories(known, NOW)[1].events] == [1, 3]


@pytest.mark.parametrize(
    ("more", "hours", "because"),
    [
        ({}, 1, None),
        ({"ambiguous": True}, 1, AMBIGUOUS),
        ({"effect": Effect.CONTRADICTORY}, 1, CONTRADICTORY),
        ({"ambiguous": True, "decision": "released"}, 1, None),
        ({"ambiguous": True, "decision": "dropped"}, 1, None),
        ({}, 24 * 9 + 4, None),  # 24 hours ahead to the second
        ({}, 24 * 9 + 4.001, IN_FUTURE),
        ({"decision": "released"}, 24 * 365, None),
    ],
)
def test_an_event_is_implausible_alone_if_ambiguous_or_far_ahead(
    more: dict[str, object], hours: float, because: str | None
) -> None:
    found = event(1, "in_transit", hours, **more)
    assert implausible_alone(found, NOW) == because


@pytest.mark.parametrize(
    ("decision", "ended"),
    [(None, None), ("dropped", None), ("released", Milestone.DELIVERED)],
)
def test_a_contradictory_delivery_counts_once_it_is_released(
    decision: str | None, ended: Milestone | None
) -> None:
    found = event(1, "delivered", 1, effect=Effect.CONTRADICTORY, decision=decision)
    history = histories(snapshot(found), NOW)[0].effective()
    assert final_milestone(history, NOW, POLICY) is ended
    assert [delivers(e, NOW, POLICY) for e in history] == [True] * bool(ended)


def test_what_was_dropped_or_is_implausible_does_not_count() -> None:
    known = snapshot(
        event(1, "in_transit", 1, decision="dropped"),
        event(2, "in_transit", 2, ambiguous=True),
        event(3, "in_transit", 24 * 30),
        event(4, "in_transit", 4, ambiguous=True, decision="released"),
    )
    assert [e.event for e in histories(known, NOW)[0].events] == [4]


UNDOING: list[tuple[str, list[KnownEvent], set[int]]] = [
    ("no rollback undoes nothing", [event(1, "delivered", 1)], set()),
    (
        "a rollback without codes undoes the event before it",
        [
            event(1, "in_transit", 1),
            event(2, "delivered", 2),
            event(3, "unknown", 3, effect=ROLLBACK),
        ],
        {2},
    ),
    (
        "a rollback does not undo what follows it",
        [event(1, "unknown", 1, effect=ROLLBACK), event(2, "delivered", 2)],
        set(),
    ),
    (
        "a rollback undoes every earlier event of the codes that its row names",
        [
            event(1, "delivered", 1, code="01"),
            event(2, "delivered", 2, code="01"),
            event(3, "in_transit", 3, code="20"),
            event(4, "unknown", 4, effect=ROLLBACK, undoes=("01", "99")),
            event(5, "delivered", 5, code="01"),
        ],
        {1, 2},
    ),
    (
        "a rollback that finds none of its codes undoes nothing",
        [
            event(1, "delivered", 1, code="01"),
            event(2, "unknown", 2, effect=ROLLBACK, undoes=("02",)),
        ],
        set(),
    ),
    (
        "two rollbacks undo two events",
        [
            event(1, "in_transit", 1),
            event(2, "delivered", 2),
            event(3, "unknown", 3, effect=ROLLBACK, code="r1"),
            event(4, "unknown", 4, effect=ROLLBACK, code="r2"),
        ],
        {1, 2},
    ),
    (
        "one rollback that came by two doors undoes one event",
        [
            event(1, "in_transit", 1),
            event(2, "delivered", 2),
            event(3, "unknown", 3, effect=ROLLBACK),
            event(4, "unknown", 3, effect=ROLLBACK, volume=0),
        ],
        {2},
    ),
    (
        "an event that came by two doors is undone as one",
        [
            event(1, "in_transit", 1),
            event(2, "delivered", 2),
            event(3, "delivered", 2, volume=0),
            event(4, "unknown", 3, effect=ROLLBACK),
        ],
        {2, 3},
    ),
    (
        "administrative events are passed over",
        [
            event(1, "delivered", 1),
            event(2, "delivered", 2, effect=Effect.ADMINISTRATIVE),
            event(3, "unknown", 3, effect=ROLLBACK),
        ],
        {1},
    ),
    (
        "a provisional delivery can be undone",
        [
            event(1, "delivered", 1, effect=Effect.PROVISIONAL),
            event(2, "unknown", 2, effect=ROLLBACK),
        ],
        {1},
    ),
]


@pytest.mark.parametrize(
    ("history", "gone"),
    [row[1:] for row in UNDOING],
    ids=[row[0].replace(" ", "_") for row in UNDOING],
)
def test_rollback(history: list[KnownEvent], gone: set[int]) -> None:
    assert histories(snapshot(*history), NOW)[0].undone == gone


@pytest.mark.parametrize("more", [{"ambiguous": True}, {"decision": "dropped"}])
def test_a_rollback_that_waits_for_an_operator_undoes_nothing(
    more: dict[str, object],
) -> None:
    rollback = event(2, "unknown", 2, effect=ROLLBACK, **more)
    known = snapshot(event(1, "delivered", 1), rollback)
    assert histories(known, NOW)[0].undone == set()


def test_what_stands_is_neither_undone_nor_out() -> None:
    known = snapshot(
        event(1, "picked_up", 1),
        event(2, "in_transit", 2),
        event(3, "delivered", 3),
        event(4, "unknown", 4, effect=ROLLBACK),
    )
    assert [e.event for e in histories(known, NOW)[0].effective()] == [1, 2, 4]
    assert [e.event for e in histories(known, NOW)[0].effective({1})] == [2, 4]


@pytest.mark.parametrize(
    ("effect", "hours_later", "expected"),
    [
        (Effect.NORMAL, 0, True),
        (Effect.ADMINISTRATIVE, 48, False),
        (Effect.ROLLBACK, 48, False),
        (Effect.PROVISIONAL, 23.99, False),
        (Effect.PROVISIONAL, 24, True),
    ],
)
def test_a_delivery_counts_by_its_effect(
    effect: Effect, hours_later: float, expected: bool
) -> None:
    found = event(1, "delivered", 5, effect=effect)
    assert delivers(found, at(5 + hours_later), CONFIRMING) is expected


def test_a_provisional_delivery_counts_by_age_only_where_the_contract_says() -> None:
    found = event(1, "delivered", 5, effect=Effect.PROVISIONAL)
    assert not delivers(found, at(5000), POLICY)
    assert not confirmed(found, at(5000), POLICY)
    assert provisional_until(found, POLICY) is None
    assert provisional_until(found, CONFIRMING) == at(29)
    assert provisional_until(event(2, "delivered", 5), CONFIRMING) is None


def test_only_a_delivery_delivers() -> None:
    assert not delivers(event(1, "out_for_delivery", 1), NOW, POLICY)


def test_scans_are_normal_and_say_that_the_carrier_has_the_parcel() -> None:
    history = [
        event(1, "label_created", 1),
        event(2, "unknown", 1),
        event(3, "held", 1),
        event(4, "in_transit", 1, effect=Effect.ADMINISTRATIVE),
        event(5, "in_transit", 1, effect=Effect.PROVISIONAL),
        event(6, "in_transit", 1, effect=ROLLBACK),
    ]
    assert [e.event for e in scans(history)] == [3]


@pytest.mark.parametrize(
    ("history", "end"),
    [
        ([], None),
        ([event(1, "label_created", 1)], None),
        ([event(1, "in_transit", 1)], None),
        ([event(1, "returned", 1)], Milestone.RETURNED),
        ([event(1, "delivered", 1)], Milestone.DELIVERED),
        ([event(1, "lost", 1)], None),
        ([event(1, "lost", 1, final=True)], Milestone.LOST),
        ([event(1, "damaged", 1, final=True)], Milestone.DAMAGED),
        ([event(1, "cancelled", 1, final=True)], Milestone.CANCELLED),
        ([event(1, "in_transit", 1, final=True)], None),
        ([event(1, "lost", 1, final=True), event(2, "in_transit", 2)], None),
        ([event(1, "returned", 1), event(2, "unknown", 2)], Milestone.RETURNED),
        (
            [
                event(1, "in_transit", 1),
                event(2, "delivered", 2, effect=Effect.PROVISIONAL),
            ],
            Milestone.DELIVERED,
        ),
    ],
)
def test_a_parcel_stands_still_after_its_last_scan_if_that_is_final(
    history: list[KnownEvent], end: Milestone | None
) -> None:
    assert final_milestone(history, NOW, CONFIRMING) is end


def test_an_event_without_code_is_known_by_its_text() -> None:
    one = event(1, "held", 1, code="", description="Aguarda  retirada")
    same = event(2, "held", 1, code="", description="AGUARDA retirada ")
    other = event(3, "held", 1, code="", description="Retido")
    assert one.published_code == same.published_code != other.published_code
    assert one.published_code.startswith("text:")
    assert event(4, "held", 1, code="7").published_code == "7"


def test_two_channels_may_give_one_instant_to_different_fractions() -> None:
    one, other = event(1, "held", 1), event(2, "held", 1)
    other = replace(other, occurred_at=other.occurred_at + timedelta(milliseconds=900))
    assert one.happening == other.happening == published(one).happening
    assert published(other).happening == other.happening


def test_the_date_alone_makes_no_difference_to_a_tracking_number() -> None:
    assert NUMBER.same_as(replace(NUMBER, dispatched_date=None))
    assert not NUMBER.same_as(replace(NUMBER, tracking_number="AC124"))
    assert not NUMBER.same_as(replace(NUMBER, tracking_url=None))
    assert not NUMBER.same_as(SentTrackingNumber(NUMBER.tracking_number))


def test_an_invoice_is_addressed_as_vtex_writes_it() -> None:
    assert snapshot().addressed_as == "55"
    assert snapshot(vtex_invoice_number="0055").addressed_as == "0055"


def test_only_what_vtex_took_is_accepted() -> None:
    known = event(1, "held", 1)
    taken: PublishedEvent = published(known)
    assert snapshot(published=(taken, published(known, accepted=False))).accepted == (
        taken,
    )
