"""What is stored before a step is taken."""

import json
from dataclasses import replace
from typing import Any

from relay.clock import micros
from relay.domain.plausibility import CONTRADICTED
from relay.domain.publishable import publishable
from relay.domain.shipment import UnconfirmedWrite
from relay.outbound.plan import PlannedStep, plan, quarantine_changes
from relay.outbound.steps import ReadOrder, Rest, SendEvents, SendTrackingNumber, Step
from tests.domain.snapshots import NOW, NUMBER, POLICY, at, event, published, snapshot
from tests.outbound.making import claim

SCAN = event(1, "in_transit", 5)
DELIVERY = event(2, "delivered", 30)
BODY = (
    '{"trackingNumber":"AC9","trackingUrl":null,"courier":null,"dispatchedDate":null}'
)


def test_before_a_rest_nothing_is_stored() -> None:
    assert plan(claim(), Rest(), NOW) == PlannedStep(Rest(), "")


def changes_of(step: Step) -> dict[str, list[Any]]:
    planned = plan(claim(), step, NOW)
    assert planned.call
    found: dict[str, list[Any]] = {}
    for query, values in planned.changes:
        found.setdefault(query, []).append(values)
    assert found["store_call"][0]["call"] == planned.call
    return found


def test_before_a_read_its_call_is_stored() -> None:
    found = changes_of(ReadOrder("first"))
    assert list(found) == ["store_call"]
    (row,) = found["store_call"]
    assert (row["kind"], row["body"], row["account"]) == ("read_order", None, "store")
    assert row["now"] == micros(NOW)


def test_before_a_tracking_number_its_body_is_stored() -> None:
    found = changes_of(SendTrackingNumber(NUMBER, BODY))
    assert list(found) == ["store_call", "store_write"]
    (write,) = found["store_write"]
    pending = UnconfirmedWrite(**json.loads(write["pending"]))
    assert pending == UnconfirmedWrite("send_tracking_number", BODY, is_delivered=False)
    assert write["is_delivered"] == 0
    assert found["store_call"][0]["body"] == BODY


def test_before_publishing_its_objects_are_stored() -> None:
    new = replace(published(SCAN, accepted=False), object={"description": "é"})
    found = changes_of(SendEvents((new,), "{}", is_delivered=True))
    (write,) = found["store_write"]
    assert json.loads(write["pending"])["is_delivered"] is True
    assert write["is_delivered"] == 1
    assert found["store_published"] == [
        {
            "shipment": 1,
            "volume": 1,
            "occurred_at": micros(at(5)),
            "code": "in_transit",
            "position": 0,
            "object": '{"description":"é"}',
            "event": 1,
            "now": micros(NOW),
        }
    ]


def test_the_lists_of_quarantined_events_follow_the_rules() -> None:
    doubtful = snapshot(DELIVERY, event(3, "in_transit", 31))
    row = {"shipment": 1, "event": 2, "reason": CONTRADICTED}
    assert quarantine_changes(doubtful, NOW, POLICY) == [("quarantine_event", row)]
    assert (
        quarantine_changes(replace(doubtful, delivered_published=True), NOW, POLICY)
        == []
    )
    shown = replace(DELIVERY, quarantine_reason=CONTRADICTED)
    listed = snapshot(shown, event(3, "in_transit", 31))
    assert quarantine_changes(listed, NOW, POLICY) == []
    lifted = snapshot(shown)
    assert quarantine_changes(lifted, NOW, POLICY) == [
        ("quarantine_event", row | {"reason": None})
    ]


def test_the_assessment_of_a_planned_step_is_used_for_the_quarantine() -> None:
    doubtful = snapshot(DELIVERY, event(3, "in_transit", 31))
    assessment = publishable(doubtful, NOW, POLICY)
    by_rules = quarantine_changes(doubtful, NOW, POLICY)
    for step in (Rest(assessment=assessment), SendEvents((), "", False, assessment)):
        assert quarantine_changes(doubtful, NOW, POLICY, step) == by_rules
    unmarked = replace(assessment, quarantined={})
    step = Rest(assessment=unmarked)
    assert quarantine_changes(doubtful, NOW, POLICY, step) == []
    assert quarantine_changes(doubtful, NOW, POLICY, Rest()) == by_rules
