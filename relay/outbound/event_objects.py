"""Events in the form in which updates hold them; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from relay.domain.shipment import KnownEvent, Policy, PublishedEvent, Snapshot
from relay.domain.shopper_texts import shopper_text
from relay.records import record
from relay.vtex.bodies import TrackingObject, tracking_object


@record
class _Shown:
    """An event as shoppers see it."""

    city: str
    state: str
    description: str
    occurred_at: datetime


def to_publish(event: KnownEvent, snapshot: Snapshot, policy: Policy) -> PublishedEvent:
    """Return *event* as it is sent to VTEX, not accepted yet."""
    shown = _Shown(
        city=event.city,
        state=event.state,
        description=shopper_text(event, snapshot, policy),
        occurred_at=event.shown_at(snapshot.dispatched_at),
    )
    spelled = tracking_object(
        shown,
        policy.zone,
        policy.event_time,
    )
    return PublishedEvent(
        volume=event.volume,
        occurred_at=event.occurred_at,
        code=event.published_code,
        position=event.position,
        object=cast("Mapping[str, str]", spelled),
        event=event.event or None,
    )


def update_objects(
    snapshot: Snapshot, new: Sequence[PublishedEvent], policy: Policy
) -> list[TrackingObject]:
    """Return the events of an update: everything ever published, or the new ones.

    VTEX does not document whether the update replaces its list or appends to it.
    The full history, unchanged and in order, is right if VTEX replaces or merges; an
    account that appends needs the setting `events = "delta"`.
    """
    published = [*snapshot.accepted, *new]
    if policy.events == "delta":
        # Without new events the last one is repeated: a delivery needs an update.
        published = list(new) or published[-1:]
    published.sort(key=lambda e: (e.occurred_at, e.position, e.code, e.volume))
    # Two scans of a day may have the same text; with days only, they are one for VTEX.
    objects = {tuple(sorted(e.object.items())): e.object for e in published}
    return [cast("TrackingObject", one) for one in objects.values()]
