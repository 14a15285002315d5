"""What is stored before a step is taken: the call, and a write word for word."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from relay.clock import micros
from relay.publisher.steps import Look, Publish, Rest, Step, Write
from relay.store.claimed import Change, Claim
from relay.store.identifiers import new_id
from relay.store.spelling import dumps
from relay.telling.facts import Facts, Policy, Told
from relay.telling.plausibility import quarantined


@dataclass(frozen=True, slots=True)
class Planned:
    """A step, the id of its call, and what is stored before it is taken."""

    step: Step
    call: str
    changes: tuple[Change, ...] = ()


def plan(claim: Claim, step: Step, now: datetime) -> Planned:
    """Say what is stored before *step* is taken: the call, and a write's content."""
    if isinstance(step, Rest):
        return Planned(step, "")
    call = new_id(now)
    shipment = claim.facts.shipment
    changes: list[Change] = [("store_call", _call_row(claim, step, call, now))]
    if isinstance(step, Look):
        return Planned(step, call, tuple(changes))
    pending = {"kind": step.kind, "body": step.body, "is_delivered": step.is_delivered}
    changes.append(
        (
            "store_write",
            {
                "shipment": shipment,
                "pending": dumps(pending),
                "is_delivered": int(step.is_delivered),
                "now": micros(now),
            },
        )
    )
    if isinstance(step, Publish):
        changes += [("store_told", told_row(t, shipment, now)) for t in step.new]
    return Planned(step, call, tuple(changes))


def _call_row(
    claim: Claim, step: Look | Write, call: str, now: datetime
) -> Mapping[str, Any]:
    return {
        "call": call,
        "shipment": claim.facts.shipment,
        "account": claim.facts.account,
        "kind": step.kind,
        "body": None if isinstance(step, Look) else step.body,
        "now": micros(now),
    }


def told_row(told: Told, shipment: int, now: datetime) -> Mapping[str, Any]:
    """Return what is stored of an object that VTEX is told, or shows."""
    return {
        "shipment": shipment,
        "volume": told.volume,
        "occurred_at": micros(told.occurred_at),
        "code": told.code,
        "position": told.position,
        "object": dumps(dict(told.object)),
        "event": told.event,
        "now": micros(now),
    }


def quarantine_changes(facts: Facts, now: datetime, policy: Policy) -> list[Change]:
    """Return what the lists of quarantined events have to show anew."""
    if facts.delivered_told:
        return []
    doubtful = quarantined(facts, now, policy)
    return [
        (
            "quarantine_event",
            {
                "shipment": facts.shipment,
                "event": e.event,
                "because": doubtful.get(e.event),
            },
        )
        for e in facts.events
        if doubtful.get(e.event) != e.quarantined_because
    ]
