from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from relay.domain.events import Effect, Milestone
from relay.domain.shipment import KnownEvent, Snapshot
from relay.outbound.publish_log import alerts
from relay.outbound.steps import Rest

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
WITHDRAWN = "the carrier withdrew a delivery that VTEX already shows"
PARTLY = "only some of the parcels were delivered"


@pytest.mark.parametrize(
    ("known", "step", "expected"),
    [
        (snapshot(DELIVERED), Rest(closes_because="delivered"), []),
        (snapshot(DELIVERED, ROLLBACK), Rest(closes_because="delivered"), [WITHDRAWN]),
        (snapshot(DELIVERED, ROLLBACK, delivered_published=False), Rest(), []),
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
def test_alerts_are_raised_when_it_comes_to_rest(
    known: Snapshot, step: Rest, expected: Sequence[str]
) -> None:
    assert alerts(known, step, NOW) == expected
