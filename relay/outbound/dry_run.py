"""What the relay would send if it wrote, from an order as VTEX shows it; pure."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from relay.domain.shipment import Snapshot
from relay.outbound.outcomes import outcome_of_answer
from relay.outbound.sender import ClaimProgress
from relay.outbound.steps import ReadOrder, Rest, SendTrackingNumber, Write
from relay.store.database import Row
from relay.store.snapshots import Claim
from relay.vtex.client import VtexResponse
from relay.vtex.http import address

_MOST_STEPS: Final = 8
"""The order is read up to twice; then the number, two updates and a read follow."""
_LEASE: Final = timedelta(minutes=1)
_NO_HOST: Final = "https://vtex.invalid"
_ACCEPTED: Final = VtexResponse(HTTPStatus.OK, payload={"receipt": "-"}, receipt="-")


def without_shadow(snapshot: Snapshot) -> Snapshot:
    """Return *snapshot* as it is once shadow mode ends: VTEX is compared first.

    A write that was unconfirmed counts as not carried out; the order shows if it was.
    """
    return replace(
        snapshot,
        shadowed=True,
        compared=False,
        order_checked=False,
        pending=None,
        in_doubt_since=None,
        published=snapshot.accepted,
        delivered_sent=snapshot.delivered_published,
    )


def requests_for(
    row: Row, snapshot: Snapshot, payload: object, progress: ClaimProgress
) -> list[dict[str, Any]]:
    """Return the requests that the relay would send: method, path and body.

    *payload* is the answer of *get order*. Each request counts as accepted, and the
    next one is planned as it is when the relay writes.
    """
    now, found = progress.clock(), list[dict[str, Any]]()
    claim = _claim(row, snapshot, now)
    for _ in range(_MOST_STEPS):
        step = progress.plan(claim, now).step
        if isinstance(step, Rest):
            break
        answer = _ACCEPTED
        if isinstance(step, ReadOrder):
            answer = VtexResponse(HTTPStatus.OK, payload=payload)
        else:
            found.append(_request(claim.snapshot, step))
        outcome = outcome_of_answer(claim, step, answer, progress.context(claim, now))
        claim = outcome.claim
        if outcome.settlement is not None:
            break
    return found


def _claim(row: Row, snapshot: Snapshot, now: datetime) -> Claim:
    """Return a claim that is stored nowhere."""
    return Claim(
        snapshot=snapshot,
        lease="",
        lease_until=now + _LEASE,
        version=row["version"],
        attempts=1,
        lane=row["lane"],
        failing_since=None,
    )


def _request(snapshot: Snapshot, step: Write) -> dict[str, Any]:
    is_number = isinstance(step, SendTrackingNumber)
    where = (snapshot.order_id, "invoice", snapshot.addressed_as)
    url = address(_NO_HOST, *where, *(() if is_number else ("tracking",)))
    return {
        "method": "PATCH" if is_number else "PUT",
        "path": url.raw_path,
        "body": json.loads(step.body),
    }
