"""What shoppers read of an event: the carrier's text without personal data."""

from collections.abc import Iterator
from dataclasses import replace

from relay.domain.shipment import KnownEvent, Policy, Snapshot
from relay.domain.text_mask import masked


def shopper_text(event: KnownEvent, snapshot: Snapshot, policy: Policy) -> str:
    """Return the carrier's description, or the relay's own phrase if it has none.

    Personal data is masked, unless the contract says otherwise; what is stored of the
    event, and by what it is identified, stays as it came.
    """
    text = event.description.strip()
    if text and policy.mask_personal_data:
        text = masked(text, _known(event, snapshot))
    return text or policy.phrases[event.milestone]


def text_forms(policy: Policy) -> Iterator[Policy]:
    """Yield *policy*, then the others by which the same event has another text."""
    yield policy
    yield replace(policy, mask_personal_data=not policy.mask_personal_data)


def _known(event: KnownEvent, snapshot: Snapshot) -> list[str]:
    """Return what may look like personal data and is not: numbers, and the place."""
    number = snapshot.tracking.tracking_number if snapshot.tracking else ""
    place = f"{event.city} {event.state}"
    numbers = (number, snapshot.order_id, snapshot.invoice_number, snapshot.invoice_key)
    return [value for value in (*numbers, event.city, place) if value]
