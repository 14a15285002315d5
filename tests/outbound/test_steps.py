"""The next step for a claimed shipment, and the bodies of its writes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from relay.domain.shipment import (
    Policy,
    PublishedEvent,
    SentTrackingNumber,
    Snapshot,
    UnconfirmedWrite,
)
from relay.domain.status import NO_NUMBER
from relay.outbound.steps import (
    UNREAD_PAUSE,
    ReadOrder,
    Rest,
    SendEvents,
    SendTrackingNumber,
    Step,
    next_step,
    tracking_in,
)
from tests.domain.snapshots import NOW, NUMBER, POLICY, at, event, published, snapshot
from tests.outbound.making import claim

OFF = replace(POLICY, first_email="off")
DELTA = replace(OFF, events="delta")
SCAN = event(1, "in_transit", 5, city="Salto", state="SP")
DELIVERY = event(2, "delivered", 30)
TRIGGER = published(event(90, "label_created", -1))
BODY = (
    '{"trackingNumber":"AC9","trackingUrl":null,"courier":null,"dispatchedDate":null}'
)
TRACKING_SENT = SentTrackingNumber("AC9")


def next_of(
    known: Snapshot, policy: Policy = POLICY, *, can_read: bool = True, **more: Any
) -> Step:
    return next_step(claim(known), NOW, policy, can_read=can_read, **more)


def published_by(known: Snapshot, policy: Policy = OFF) -> Any:
    step = next_of(known, policy)
    assert isinstance(step, SendEvents)
    return json.loads(step.body)


UNSENT = snapshot(SCAN, tracking_sent_as=None, order_checked=False)


@pytest.mark.parametrize(
    ("known", "can_read", "expected"),
    [
        (
            snapshot(SCAN, closed_reason="cancelled"),
            True,
            Rest(closes_because="cancelled"),
        ),
        (
            snapshot(SCAN, closed_reason="erased"),
            True,
            Rest(closes_because="erased"),
        ),
        (
            snapshot(pending=UnconfirmedWrite("send_events", "{}")),
            True,
            ReadOrder("unconfirmed"),
        ),
        (
            snapshot(pending=UnconfirmedWrite("send_tracking_number", BODY)),
            False,
            SendTrackingNumber(TRACKING_SENT, BODY),
        ),
        (
            snapshot(pending=UnconfirmedWrite("send_events", "{}", is_delivered=True)),
            False,
            SendEvents((), "{}", is_delivered=True),
        ),
        (
            snapshot(SCAN, delivered_published=True),
            True,
            Rest(closes_because="delivered"),
        ),
        (
            snapshot(delivered_published=True, in_doubt_since=NOW),
            True,
            ReadOrder("verify"),
        ),
        (
            snapshot(delivered_published=True, in_doubt_since=NOW),
            False,
            Rest(closes_because="delivered"),
        ),
        (snapshot(SCAN, tracking=None), True, Rest(waiting_reason=NO_NUMBER)),
        (UNSENT, True, ReadOrder("first")),
        (snapshot(SCAN, order_checked=False), True, ReadOrder("again")),
        (
            snapshot(SCAN, closed_reason="order_cancelled"),
            True,
            Rest(closes_because="order_cancelled"),
        ),
        (
            snapshot(SCAN, closed_reason="order_replaced", order_checked=False),
            True,
            ReadOrder("again"),
        ),
    ],
)
def test_what_comes_before_publishing(
    known: Snapshot, can_read: bool, expected: Step
) -> None:
    assert next_of(known, can_read=can_read) == expected


@pytest.mark.parametrize(
    ("known", "can_read"),
    [
        (UNSENT, False),
        (replace(UNSENT, order_checked=True), True),
        (replace(UNSENT, tracking_sent_as=TRACKING_SENT, order_checked=True), True),
    ],
)
def test_a_number_is_sent_with_all_four_fields(known: Snapshot, can_read: bool) -> None:
    step = next_of(known, can_read=can_read)
    assert isinstance(step, SendTrackingNumber)
    assert step.tracking == NUMBER
    assert step.is_delivered is False
    assert json.loads(step.body) == {
        "trackingNumber": "AC123",
        "trackingUrl": "https://acme.example/AC123",
        "courier": "Acme",
        "dispatchedDate": "2026-03-02",
    }
    assert tracking_in(step.body) == NUMBER


def test_a_tracking_number_never_holds_empty_texts() -> None:
    held = SentTrackingNumber("AC123", "", None, "")
    step = next_of(replace(UNSENT, tracking=held), can_read=False)
    assert isinstance(step, SendTrackingNumber)
    fields = json.loads(step.body)
    assert list(fields) == [
        "trackingNumber",
        "trackingUrl",
        "courier",
        "dispatchedDate",
    ]
    assert list(fields.values()) == ["AC123", None, None, None]


def test_a_stored_tracking_update_may_be_without_a_number() -> None:
    assert tracking_in(BODY.replace('"AC9"', "null")).tracking_number == ""


def test_an_unconfirmed_write_is_repeated_with_what_was_stored() -> None:
    waiting = published(SCAN, accepted=False)
    known = snapshot(
        SCAN,
        DELIVERY,
        published=(TRIGGER, waiting),
        pending=UnconfirmedWrite("send_events", "{}"),
    )
    step = next_of(known, can_read=False)
    assert step == SendEvents((waiting,), "{}", is_delivered=False)


def test_all_that_was_published_goes_out_again_before_what_is_new() -> None:
    known = snapshot(SCAN, DELIVERY, published=(published(SCAN), TRIGGER))
    body = published_by(known)
    words = [e["description"] for e in body["events"]]
    assert words == ["label created", "in transit", "delivered"]
    assert body["isDelivered"] is True
    assert body["deliveredDate"] == "2026-03-03T11:00:00-03:00"


def test_an_event_goes_out_in_the_accounts_time() -> None:
    body = published_by(snapshot(SCAN))
    assert body == {
        "isDelivered": False,
        "deliveredDate": None,
        "events": [
            {
                "city": "Salto",
                "state": "SP",
                "description": "in transit",
                "date": "2026-03-02T10:00:00-03:00",
            }
        ],
    }


def test_what_was_published_goes_out_as_it_was_published() -> None:
    was: PublishedEvent = replace(
        published(SCAN),
        object=dict.fromkeys(("city", "state", "description", "date"), "as it was"),
    )
    body = published_by(snapshot(SCAN, DELIVERY, published=(was,)))
    assert body["events"][0] == was.object


def test_the_same_instant_goes_by_position() -> None:
    later = event(3, "held", 5, position=-1, code="zz")
    body = published_by(snapshot(SCAN, later))
    assert [e["description"] for e in body["events"]] == ["held", "in transit"]


def test_a_delta_is_what_is_new() -> None:
    body = published_by(
        snapshot(SCAN, DELIVERY, published=(TRIGGER, published(SCAN))), DELTA
    )
    assert [e["description"] for e in body["events"]] == ["delivered"]


def test_a_delta_without_new_events_repeats_the_last_object() -> None:
    known = snapshot(DELIVERY, published=(TRIGGER, published(DELIVERY)))
    body = published_by(known, DELTA)
    assert [e["description"] for e in body["events"]] == ["delivered"]
    assert body["isDelivered"] is True


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        (0, "in transit"),
        (2, "volume 2/3, AC124: in transit"),
        (3, "volume 3/3: in transit"),
    ],
)
def test_words_say_which_of_several_parcels(volume: int, words: str) -> None:
    numbers = {1: "AC123", 2: "AC124"}
    known = snapshot(replace(SCAN, volume=volume), volumes=3, numbers=numbers)
    body = published_by(known)
    assert body["events"][0]["description"] == words


def test_what_is_published_first_is_stored_with_its_key() -> None:
    step = next_of(snapshot(SCAN), OFF)
    assert isinstance(step, SendEvents)
    (new,) = step.new
    assert (new.volume, new.occurred_at, new.code) == (1, at(5), "in_transit")
    assert (new.event, new.position, new.accepted) == (1, 0, False)


def test_at_rest_it_is_planned_again_when_something_becomes_publishable() -> None:
    assert next_of(snapshot()) == Rest()
    ahead = event(3, "in_transit", 24 * 8 + 6)
    assert next_of(snapshot(ahead)) == Rest(next_at=ahead.occurred_at)


def test_a_shipment_closes_when_all_is_published() -> None:
    lost = event(3, "lost", 5, final=True)
    assert isinstance(next_of(snapshot(lost, published=(TRIGGER,))), SendEvents)
    known = snapshot(lost, published=(TRIGGER, published(lost)))
    assert next_of(known) == Rest(closes_because="lost")


def test_while_the_reader_is_behind_it_is_planned_again_soon() -> None:
    known = snapshot(DELIVERY, published=(TRIGGER,))
    behind = next_of(known, read_up_to=NOW)
    assert behind == Rest(next_at=NOW + UNREAD_PAUSE)
    assert isinstance(next_of(known), SendEvents)
