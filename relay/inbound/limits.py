"""How much one document may hold: its events share a transaction with others."""

from collections.abc import Sequence
from typing import Final

from relay.adapters.protocol import Unreadable
from relay.domain.events import TrackingEvent

MOST_EVENTS: Final = 5_000
"""Events of one document: a batch of 100 parcels with their histories has 2,000."""
MOST_REFERENCES: Final = 20_000
"""References of all events: those of the whole document count for each of them."""


def refuse_too_many(events: Sequence[TrackingEvent]) -> None:
    """Raise `Unreadable` for a document that would hold up all others.

    It is stored as it is, listed as unreadable, and can be parsed again.
    """
    references = sum([len(event.references) for event in events])
    if len(events) <= MOST_EVENTS and references <= MOST_REFERENCES:
        return
    for count, most, what in (
        (len(events), MOST_EVENTS, "events"),
        (references, MOST_REFERENCES, "references of events"),
    ):
        if count > most:
            raise Unreadable(
                f"{what}: {count:,} in one document, at most {most:,}; ask the carrier "
                "to send smaller documents"
            )
