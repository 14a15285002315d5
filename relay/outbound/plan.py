"""What is stored before a step is taken: its call, and the content of a write; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from relay.clock import micros
from relay.domain.plausibility import quarantined
from relay.domain.shipment import Policy, PublishedEvent, Snapshot
from relay.errors import Unanswered, VtexError
from relay.outbound.steps import Call, ReadOrder, Rest, SendEvents, Step
from relay.records import record
from relay.store.codec import dumps, new_id
from relay.store.snapshots import Change, Claim
from relay.vtex.client import VtexResponse


@record
class PlannedStep:
    """A step, the id of its call, and the changes to store before it is taken."""

    step: Step
    call: str
    changes: tuple[Change, ...] = ()


def plan(claim: Claim, step: Step, now: datetime) -> PlannedStep:
    """Return *step* with what to store first: the call, and a write's content.

    A write is stored before it is sent, so that one without an answer is known after
    a crash and can be read back.
    """
    if isinstance(step, Rest):
        return PlannedStep(step, "")
    call = new_id(now)
    shipment = claim.snapshot.shipment
    changes: list[Change] = [("store_call", _call_row(claim, step, call, now))]
    if isinstance(step, ReadOrder):
        return PlannedStep(step, call, tuple(changes))
    pending = {"kind": step.kind, "body": step.body, "is_delivered": step.is_delivered}
    row = {
        "shipment": shipment,
        "pending": dumps(pending),
        "is_delivered": int(step.is_delivered),
        "now": micros(now),
    }
    changes.append(("store_write", row))
    if isinstance(step, SendEvents):
        changes += [
            ("store_published", published_row(e, shipment, now)) for e in step.new
        ]
    return PlannedStep(step, call, tuple(changes))


def _call_row(claim: Claim, step: Call, call: str, now: datetime) -> Mapping[str, Any]:
    return {
        "call": call,
        "shipment": claim.snapshot.shipment,
        "account": claim.snapshot.account,
        "kind": step.kind,
        "body": None if isinstance(step, ReadOrder) else step.body,
        "now": micros(now),
    }


def answer_change(call: str, answer: VtexResponse | VtexError, now: datetime) -> Change:
    """Return the change that stores a call's answer; `sent` is 0 if it never left."""
    values: dict[str, Any] = {"call": call, "now": micros(now)}
    if isinstance(answer, VtexError):
        sent = int(isinstance(answer, Unanswered))
        values |= {
            "status": None,
            "message": str(answer),
            "receipt": None,
            "sent": sent,
        }
    else:
        values |= {"status": answer.status, "message": answer.message, "sent": 1}
        values["receipt"] = answer.receipt
    return ("answer_call", values)


def published_row(
    published: PublishedEvent, shipment: int, now: datetime
) -> Mapping[str, Any]:
    """Return the row of an event that is sent to VTEX, or that VTEX shows."""
    return {
        "shipment": shipment,
        "volume": published.volume,
        "occurred_at": micros(published.occurred_at),
        "code": published.code,
        "position": published.position,
        "object": dumps(dict(published.object)),
        "event": published.event,
        "now": micros(now),
    }


def quarantine_changes(
    snapshot: Snapshot, now: datetime, policy: Policy, step: Step | None = None
) -> list[Change]:
    """Return the changes that bring stored quarantine reasons up to date.

    After a published delivery nothing more is published, so nothing is quarantined.
    *step* is one that was planned at *now*: the rules are not applied a second time.
    """
    if snapshot.delivered_published:
        return []
    known = step.assessment if isinstance(step, SendEvents | Rest) else None
    reasons = known.quarantined if known else quarantined(snapshot, now, policy)
    return [
        (
            "quarantine_event",
            {
                "shipment": snapshot.shipment,
                "event": e.event,
                "reason": reasons.get(e.event),
            },
        )
        for e in snapshot.events
        if reasons.get(e.event) != e.quarantine_reason
    ]
