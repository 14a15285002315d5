from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from relay.domain.contradictions import contradiction
from relay.domain.events import Effect, Milestone
from relay.domain.shipment import KnownEvent, PublishedEvent, Snapshot
from relay.outbound.alerts import alert_changes
from relay.outbound.steps import Rest
from tests.domain.snapshots import POLICY

NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)


def event(
    number: int, milestone: Milestone, effect: Effect = Effect.NORMAL
) -> KnownEvent:
    at = NOW - timedelta(hours=10 - number)
    return KnownEvent(
        event=number,
        volume=1,
        milestone=milestone,
        effect=effect,
        occurred_at=at,
        received_at=at,
        position=0,
        code=f"code {number}",
    )


def snapshot(
    *events: KnownEvent, delivered_published: bool = True, closed: str | None = None
) -> Snapshot:
    return Snapshot(
        shipment=1,
        id="01",
        account="acme",
        order_id="1",
        invoice_number="2",
        contract="me",
        volumes=2,
        registered_at=NOW - timedelta(days=1),
        events=events,
        delivered_published=delivered_published,
        closed_reason=closed,
    )


DELIVERED = event(1, Milestone.DELIVERED)
ROLLBACK = event(2, Milestone.EXCEPTION, Effect.ROLLBACK)
FAILED = event(3, Milestone.DELIVERY_FAILED)
WITHDRAWN = "the carrier withdrew a delivery that VTEX already shows"
DROPPED = "the delivery that VTEX shows was dropped by an operator"
PARTLY = "only some of the parcels were delivered"


def sent(number: int) -> PublishedEvent:
    at = NOW - timedelta(hours=10 - number)
    return PublishedEvent(1, at, f"code {number}", 0, {}, number, accepted=True)


AGAINST = frozenset(
    {
        Milestone.IN_TRANSIT,
        Milestone.AT_HUB,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.DELIVERY_FAILED,
        Milestone.RETURNING,
        Milestone.RETURNED,
        Milestone.LOST,
        Milestone.CANCELLED,
    }
)


@pytest.mark.parametrize("milestone", Milestone)
def test_what_cannot_follow_a_delivery_contradicts_it(milestone: Milestone) -> None:
    known = snapshot(DELIVERED, event(3, milestone))
    found = contradiction(known, NOW, POLICY)
    if milestone in AGAINST:
        assert found is not None
        assert f"event 3 of 2026-08-03T05:00+00:00 is {milestone}" in found
    else:
        assert found is None


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (snapshot(DELIVERED), None),
        (snapshot(DELIVERED, ROLLBACK), WITHDRAWN),
        (snapshot(DELIVERED, ROLLBACK, delivered_published=False), None),
        (snapshot(FAILED, delivered_published=False), None),
        # Another delivery settles it.
        (snapshot(DELIVERED, FAILED, event(4, Milestone.DELIVERED)), None),
        # VTEX showed it before the relay: there is no event to contradict.
        (snapshot(FAILED), None),
        # A scan from before the delivery arrives late.
        (snapshot(event(0, Milestone.OUT_FOR_DELIVERY), DELIVERED), None),
        (snapshot(DELIVERED, replace(FAILED, decision="dropped")), None),
        (snapshot(DELIVERED, replace(FAILED, effect=Effect.ADMINISTRATIVE)), None),
        (
            replace(
                snapshot(replace(DELIVERED, decision="dropped")), published=(sent(1),)
            ),
            DROPPED,
        ),
        # It was dropped before it was published: another one was.
        (snapshot(replace(DELIVERED, decision="dropped")), None),
    ],
)
def test_only_a_published_delivery_is_contradicted(
    known: Snapshot, expected: str | None
) -> None:
    assert contradiction(known, NOW, POLICY) == expected


CONTRADICTED = replace(snapshot(DELIVERED, ROLLBACK), contradicted=WITHDRAWN)


@pytest.mark.parametrize(
    ("known", "step", "expected"),
    [
        (snapshot(DELIVERED), Rest(closes_because="delivered"), []),
        (snapshot(DELIVERED, ROLLBACK), Rest(closes_because="delivered"), [WITHDRAWN]),
        (CONTRADICTED, Rest(closes_because="delivered"), []),
        (
            snapshot(DELIVERED, delivered_published=False),
            Rest(closes_because="partly_delivered"),
            [PARTLY],
        ),
        (
            snapshot(DELIVERED, delivered_published=False, closed="partly_delivered"),
            Rest(closes_because="partly_delivered"),
            [],
        ),
    ],
)
def test_alerts_are_raised_once_when_it_comes_to_rest(
    known: Snapshot, step: Rest, expected: Sequence[str]
) -> None:
    with capture_logs() as logged:
        changes = alert_changes(known, step, NOW, POLICY)
    assert [line["because"] for line in logged] == expected
    assert [c["text"] for name, c in changes if name == "note"] == expected


def test_a_contradiction_that_is_settled_is_removed() -> None:
    known = replace(snapshot(DELIVERED), contradicted=WITHDRAWN)
    [(name, row)] = alert_changes(known, Rest(), NOW, POLICY)
    assert (name, row["reason"]) == ("record_contradiction", None)
