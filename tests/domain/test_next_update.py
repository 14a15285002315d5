"""What the next update has to contain, if one is needed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.domain.events import Effect, Milestone
from relay.domain.next_update import (
    NextUpdate,
    next_update,
    tracking_number_sent,
    tracking_to_send,
)
from relay.domain.phrases import PHRASES
from relay.domain.publishable import publishable
from relay.domain.shipment import LABEL_CODE, OWN_EVENT, WHOLE, Policy, Snapshot
from relay.domain.shopper_texts import shopper_text
from tests.domain.snapshots import (
    NOW,
    NUMBER,
    POLICY,
    REGISTERED,
    at,
    event,
    published,
    snapshot,
)

AT_LABEL = replace(POLICY, first_email="at_label")
OFF = replace(POLICY, first_email="off")

LABEL = event(90, "label_created", -1)
TRIGGER = published(LABEL)
SCAN = event(1, "in_transit", 5)
DELIVERY = event(2, "delivered", 30)


def next_of(known: Snapshot, policy: Policy = POLICY) -> NextUpdate | None:
    return next_update(known, publishable(known, NOW, policy), policy)


def numbers(found: NextUpdate | None) -> list[int] | None:
    return None if found is None else [e.event for e in found.new]


# The first e-mail.


def test_by_default_nothing_is_published_at_the_label() -> None:
    assert next_of(snapshot()) is None
    assert next_of(snapshot(LABEL)) is None


def test_the_first_scan_is_published_after_the_carriers_own_label() -> None:
    first = next_of(snapshot(LABEL, SCAN))
    assert numbers(first) == [90]
    assert first is not None
    assert not first.is_delivered
    second = next_of(snapshot(LABEL, SCAN, published=(TRIGGER,)))
    assert numbers(second) == [1]


def test_the_last_created_label_before_the_first_scan_is_the_email_trigger() -> None:
    between, after = event(91, "label_created", 4), event(92, "label_created", 6)
    assert numbers(next_of(snapshot(LABEL, between, SCAN, after))) == [91]


def test_without_a_carriers_label_the_email_trigger_is_the_relays_own() -> None:
    found = next_of(snapshot(SCAN))
    assert found is not None
    (trigger,) = found.new
    assert trigger.volume == WHOLE
    assert trigger.published_code == LABEL_CODE
    assert trigger.event == OWN_EVENT
    assert shopper_text(trigger, snapshot(), POLICY) == "Etiqueta emitida"
    assert trigger.position == -1
    assert trigger.occurred_at == REGISTERED


def test_an_event_without_text_is_published_in_the_relays_own() -> None:
    mute = replace(SCAN, description=" ")
    for language, words in (("pt", "Em trânsito"), ("es", "En tránsito")):
        policy = replace(OFF, phrases=PHRASES[language])
        found = next_of(snapshot(mute), policy)
        assert found is not None
        assert [shopper_text(e, snapshot(), policy) for e in found.new] == [words]


def test_every_milestone_has_a_phrase_in_every_language() -> None:
    for phrases in PHRASES.values():
        assert phrases.keys() == set(Milestone)


@pytest.mark.parametrize(
    ("scan", "dispatched", "expected"),
    [
        (5, None, REGISTERED),
        (5, 2, REGISTERED),
        (5, -2, at(-2)),
        (-3, None, at(-3) - timedelta(seconds=1)),
        (-2.01, -2, at(-2.01) - timedelta(seconds=1)),
        (-3, -4, at(-4)),
    ],
)
def test_the_relays_own_email_trigger_is_older_than_all(
    scan: float, dispatched: float | None, expected: object
) -> None:
    dispatched_at = None if dispatched is None else at(dispatched)
    known = snapshot(event(1, "in_transit", scan), dispatched_at=dispatched_at)
    found = next_of(known)
    assert found is not None
    assert found.new[0].occurred_at == expected


def test_the_relays_own_email_trigger_has_whole_seconds() -> None:
    scan = replace(SCAN, occurred_at=at(-1) + timedelta(milliseconds=300))
    found = next_of(snapshot(scan))
    assert found is not None
    assert found.new[0].occurred_at == at(-1) - timedelta(seconds=1)


def test_at_label_the_email_trigger_goes_first_and_alone() -> None:
    for known in (snapshot(), snapshot(SCAN), snapshot(DELIVERY)):
        found = next_of(known, AT_LABEL)
        assert found is not None
        assert [e.published_code for e in found.new] == [LABEL_CODE]
        assert not found.is_delivered
    assert numbers(next_of(snapshot(LABEL), AT_LABEL)) == [90]
    assert next_of(snapshot(LABEL, published=(TRIGGER,)), AT_LABEL) is None


def test_without_a_first_email_everything_is_published_at_once() -> None:
    found = next_of(snapshot(LABEL, SCAN, DELIVERY), OFF)
    assert numbers(found) == [90, 1, 2]
    assert found is not None
    assert found.delivered_at == DELIVERY.occurred_at
    assert next_of(snapshot(LABEL), OFF) is None


def test_an_email_trigger_that_was_not_accepted_is_resent() -> None:
    known = snapshot(LABEL, SCAN, published=(published(LABEL, accepted=False),))
    assert numbers(next_of(known)) == [90]


def test_a_created_label_alone_never_makes_a_call() -> None:
    late = event(91, "label_created", 7)
    assert (
        next_of(snapshot(LABEL, SCAN, late, published=(TRIGGER, published(SCAN))))
        is None
    )
    held = event(3, "held", 8)
    found = next_of(
        snapshot(LABEL, SCAN, late, held, published=(TRIGGER, published(SCAN)))
    )
    assert numbers(found) == [91, 3]


# What is new.


def test_what_was_accepted_is_not_new() -> None:
    known = snapshot(SCAN, DELIVERY, published=(TRIGGER, published(SCAN)))
    found = next_of(known)
    assert numbers(found) == [2]
    assert found is not None
    assert found.is_delivered


def test_a_new_event_goes_out_as_it_is() -> None:
    scan = event(1, "held", 5, city="Salto", state="SP", position=3, code="")
    assert next_of(snapshot(scan), OFF) == NextUpdate(new=(scan,))
    assert shopper_text(scan, snapshot(), OFF) == "held"


def test_a_delivery_whose_text_were_published_is_published_as_a_delivery() -> None:
    early = event(2, "delivered", 30, effect=Effect.PROVISIONAL)
    policy = replace(POLICY, confirm_provisional_after=timedelta(hours=24))
    found = next_of(snapshot(early, published=(TRIGGER, published(early))), policy)
    assert found == NextUpdate(new=(), delivered_at=at(30))


@pytest.mark.parametrize(
    "twin",
    [
        event(8, "in_transit", 5, volume=0),
        replace(event(8, "in_transit", 5), occurred_at=at(5) + timedelta(seconds=0.5)),
    ],
)
def test_what_came_by_another_channel_is_not_published_again(twin: object) -> None:
    known = snapshot(SCAN, twin, published=(TRIGGER, published(SCAN)))  # type: ignore[arg-type]
    assert next_of(known) is None


def test_a_reworded_event_stays_as_it_was_published() -> None:
    moved = replace(SCAN, occurred_at=at(5) + timedelta(seconds=30))
    assert next_of(snapshot(moved, published=(TRIGGER, published(SCAN)))) is None


def test_one_event_counts_for_each_parcel_under_its_number() -> None:
    other = replace(SCAN, volume=2)
    known = snapshot(SCAN, other, volumes=2, published=(TRIGGER, published(SCAN)))
    found = next_of(known)
    assert found is not None
    assert [e.volume for e in found.new] == [2]


def test_what_was_published_of_the_invoice_is_not_published_of_a_parcel() -> None:
    whole = event(7, "in_transit", 5, volume=0)
    dropped = replace(whole, decision="dropped")
    known = snapshot(dropped, SCAN, volumes=2, published=(TRIGGER, published(whole)))
    assert next_of(known) is None


# Closed and delivered.


def test_delivered_is_latched() -> None:
    known = snapshot(SCAN, DELIVERY, event(3, "held", 31), published=(TRIGGER,))
    assert next_of(known) is not None
    assert next_of(replace(known, delivered_published=True)) is None


@pytest.mark.parametrize("hours", [8, 9])
def test_new_events_of_a_closed_shipment_that_is_no_later_is_not_published(
    hours: float,
) -> None:
    end, older = event(2, "returned", 9, position=1), event(3, "held", hours)
    known = snapshot(
        older, end, published=(TRIGGER, published(end)), closed_reason="returned"
    )
    assert next_of(known) is None
    assert numbers(next_of(replace(known, closed_reason=None))) == [3]
    assert numbers(next_of(replace(known, closed_reason="expired"))) == [3]


@pytest.mark.parametrize("later", ["in_transit", "returned", "lost"])
def test_a_later_scan_reopens_a_closed_shipment(later: str) -> None:
    end = event(2, "returned", 9)
    scan = event(3, later, 10, code="later", final=True)
    known = snapshot(
        end, scan, published=(TRIGGER, published(end)), closed_reason="returned"
    )
    assert numbers(next_of(known)) == [3]


def test_a_shipment_closed_before_anything_was_published_is_published() -> None:
    known = snapshot(event(2, "returned", 9), closed_reason="returned")
    assert next_of(known, OFF) is not None


# The tracking number.


def test_an_invoice_is_sent_when_vtex_has_what_is_stored() -> None:
    assert tracking_number_sent(snapshot(), POLICY)
    assert tracking_number_sent(
        snapshot(tracking_sent_as=replace(NUMBER, dispatched_date=None)), POLICY
    )
    assert not tracking_number_sent(
        snapshot(tracking_sent_as=replace(NUMBER, courier="Other")), POLICY
    )
    assert not tracking_number_sent(snapshot(tracking_sent_as=None), POLICY)
    assert not tracking_number_sent(snapshot(tracking=None), POLICY)


JOINED = replace(POLICY, announce_numbers="joined")


@pytest.mark.parametrize(
    ("numbers", "sent"),
    [
        ({1: "AC123", 2: "AC124", 3: "AC125"}, "AC123;AC124;AC125"),
        ({2: "AC124", 1: "AC123", 3: "AC123"}, "AC123;AC124"),
        ({1: "AC123", 3: "AC125"}, "AC123"),  # one is not known yet
        ({1: "B1", 2: "B2", 3: "B3"}, "AC123"),  # a key is sent, not a parcel's number
        ({1: "AC123", 2: "B" * 250, 3: "C" * 250}, "AC123"),  # too long
    ],
)
def test_numbers_are_joined_once_all_are_known(
    numbers: dict[int, str], sent: str
) -> None:
    known = snapshot(volumes=3, numbers=numbers)
    found = tracking_to_send(known, JOINED)
    assert found is not None
    assert found.tracking_number == sent
    assert tracking_to_send(known, POLICY) == NUMBER
    assert tracking_number_sent(known, JOINED) is (sent == "AC123")
