"""What would be published next of a shipment, for a preview; pure."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from relay.domain.next_update import next_update, unpublished_events
from relay.domain.publishable import publishable
from relay.domain.shipment import ORDER_ENDED, OVER, KnownEvent, Policy, Snapshot
from relay.records import record


@record
class Outlook:
    """The events that the next updates bring, and the delivery if they bring one.

    `quarantined` holds reasons by event id.
    """

    events: tuple[KnownEvent, ...] = ()
    delivered_at: datetime | None = None
    quarantined: Mapping[int, str] = field(default_factory=dict)


def outlook(snapshot: Snapshot, now: datetime, policy: Policy) -> Outlook:
    """Return what would be published next, by the rules that the publisher uses.

    Without a tracking number it is published once there is one. The e-mail trigger
    event is left out: it says nothing about the parcel.
    """
    if snapshot.closed_reason in OVER | ORDER_ENDED:
        return Outlook()
    assessment = publishable(snapshot, now, policy)
    if next_update(snapshot, assessment, policy) is None:
        return Outlook(quarantined=assessment.quarantined)
    return Outlook(
        tuple(unpublished_events(snapshot, assessment)),
        assessment.delivered_at,
        assessment.quarantined,
    )
