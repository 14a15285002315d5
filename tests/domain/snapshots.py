"""Snapshots and events for the rules, from the values that matter in a test."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from relay.domain.events import Effect, Milestone
from relay.domain.shipment import (
    KnownEvent,
    Policy,
    PublishedEvent,
    SentTrackingNumber,
    Snapshot,
)
from relay.vtex.bodies import tracking_object

REGISTERED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
POLICY = Policy(zone=ZoneInfo("America/Sao_Paulo"))
NUMBER = SentTrackingNumber("AC123", "https://acme.example/AC123", "Acme", "2026-03-02")


def at(hours: float) -> datetime:
    """Return the instant so many hours after the label."""
    return REGISTERED + timedelta(hours=hours)


def event(
    number: int, milestone: Milestone | str, hours: float, **more: Any
) -> KnownEvent:
    """Return an event, `hours` after the label; its code is its milestone's name."""
    milestone = Milestone(milestone)
    values: dict[str, Any] = {
        "volume": 1,
        "effect": Effect.NORMAL,
        "received_at": at(hours) + timedelta(minutes=1),
        "position": 0,
        "code": milestone.value,
        "description": milestone.value.replace("_", " "),
    } | more
    return KnownEvent(
        event=number, milestone=milestone, occurred_at=at(hours), **values
    )


def snapshot(*events: KnownEvent, **more: Any) -> Snapshot:
    """Return a shipment with these events whose tracking number was sent."""
    values: dict[str, Any] = {
        "volumes": 1,
        "tracking": NUMBER,
        "tracking_sent_as": NUMBER,
        "order_checked": True,
    } | more
    return Snapshot(
        shipment=1,
        id="one",
        account="store",
        order_id="1234-01",
        invoice_number="55",
        contract="acme",
        registered_at=REGISTERED,
        events=events,
        **values,
    )


def published(known: KnownEvent, **more: Any) -> PublishedEvent:
    """Return an event as VTEX accepted it."""
    values: dict[str, Any] = {"accepted": True, "event": known.event} | more
    return PublishedEvent(
        volume=known.volume,
        occurred_at=known.occurred_at,
        code=known.published_code,
        position=known.position,
        object=dict(tracking_object(known, POLICY.zone)),
        **values,
    )
