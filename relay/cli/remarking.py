"""What somebody who tries a contract's settings should know, beside the events."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from relay.carrier.contract import Carrier, Remarks
from relay.counting import counted
from relay.settings import ContractSettings
from relay.tracking import Milestone, TrackingEvent

MOST_NAMED = 5


def remarks(
    contract: ContractSettings,
    carrier: Carrier,
    events: Sequence[TrackingEvent],
    left: Sequence[str],
    now: datetime,
) -> Iterator[str]:
    """Yield what is odd about *events*, though they can be read.

    *left* are fields that may be about a person, and are not cut.
    """
    if isinstance(carrier, Remarks):
        yield from carrier.remarks(events)
    if unknown_codes(events):
        yield f"unknown codes: give them rows in contracts.{contract.name}.codes"
    if events and left:
        fields = ", ".join(left[:MOST_NAMED])
        yield (
            f"{fields}: may be about a person, and would stay; name it in "
            "personal_fields if it is"
        )
    without = sum(not event.description for event in events)
    if without:
        yield (
            f"text: none in {without} of {counted(len(events), 'event')}, neither the "
            f"carrier's nor that of a row in contracts.{contract.name}.codes; shoppers "
            "read the relay's own words"
        )
    yield from _too_old(contract, events, now)


def unknown_codes(events: Sequence[TrackingEvent]) -> list[str]:
    """Return the codes among *events* that nobody has mapped."""
    unknown = (e for e in events if e.milestone is Milestone.UNKNOWN)
    return sorted({event.carrier_code for event in unknown} - {""})


def _too_old(
    contract: ContractSettings, events: Sequence[TrackingEvent], now: datetime
) -> Iterator[str]:
    """Say if all scans are too old for a label, where numbers are used again."""
    days = contract.lower_bound_days
    exact = any(not r.kind.used_again for e in events for r in e.references)
    youngest = max((event.occurred_at for event in events), default=now)
    if not exact and youngest < now - timedelta(days=days):
        yield (
            f"the youngest event is of {youngest:%Y-%m-%d}: a label registered today "
            f"would not take it (lower_bound_days = {days})"
        )
