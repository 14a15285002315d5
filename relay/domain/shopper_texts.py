"""What shoppers read of an event: its milestone, or the carrier's text, masked."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final, get_args

from relay.domain.events import Effect, Milestone
from relay.domain.shipment import WHOLE, Description, KnownEvent, Policy, Snapshot
from relay.domain.text_mask import masked

_NOT_THE_MILESTONE: Final = frozenset({Effect.ROLLBACK, Effect.PROVISIONAL})
"""Events with these do not say that their milestone was reached."""


def shopper_text(event: KnownEvent, snapshot: Snapshot, policy: Policy) -> str:
    """Return the text of *event*; of several parcels, it begins with which one it is.

    VTEX has one list of events for all parcels of an invoice.
    """
    text = _text(event, snapshot, policy)
    if snapshot.volumes == 1 or event.volume == WHOLE:
        return text
    volume = f"{policy.volume_word} {event.volume}/{snapshot.volumes}"
    number = snapshot.numbers.get(event.volume)
    return f"{volume}, {number}: {text}" if number else f"{volume}: {text}"


def _text(event: KnownEvent, snapshot: Snapshot, policy: Policy) -> str:
    """Return the text of *event* in the form that its contract has set.

    An event without a text has the phrase of its milestone, and one whose milestone is
    not certain has its text. Personal data is masked, unless the contract says
    otherwise. What is stored of the event, and what identifies it, stays as it is.
    """
    text, phrase = event.description.strip(), policy.phrases[event.milestone]
    if text and policy.mask_personal_data:
        text = masked(text, _known(event, snapshot))
    if not text or (policy.description == "milestone" and _reached(event)):
        return phrase
    if policy.description != "both" or not _reached(event):
        return text
    return (
        text if text.casefold().startswith(phrase.casefold()) else f"{phrase} - {text}"
    )


def _reached(event: KnownEvent) -> bool:
    """Whether *event* says that the parcel has reached a known milestone."""
    known = event.milestone is not Milestone.UNKNOWN
    return known and event.effect not in _NOT_THE_MILESTONE


def text_forms(policy: Policy) -> Iterator[Policy]:
    """Yield *policy*, then those by which the same event looks otherwise in VTEX."""
    yield policy
    # Others may have sent times where this account has days only.
    timed = [policy]
    timed += (
        [replace(policy, event_time="offset")] if policy.event_time == "day" else []
    )
    for one, description, mask in product(timed, get_args(Description), (True, False)):
        form = replace(one, description=description, mask_personal_data=mask)
        if form != policy:
            yield form


def _known(event: KnownEvent, snapshot: Snapshot) -> list[str]:
    """Return what may look like personal data and is not: numbers, and the place."""
    number = snapshot.tracking.tracking_number if snapshot.tracking else ""
    place = f"{event.city} {event.state}"
    numbers = (number, snapshot.order_id, snapshot.invoice_number, snapshot.invoice_key)
    known = (*numbers, *snapshot.numbers.values(), event.city, place)
    return [value for value in known if value]
