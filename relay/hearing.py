"""Log lines of what carriers were heard to say."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from relay.logs import logger
from relay.store.events import Reading
from relay.tracking import Milestone, TrackingEvent

MOST_NAMED: Final = 10_000
"""Unknown codes that are remembered as named."""

_log = logger(__name__)


class Hearing:
    """Logs what documents say, so that one can follow a parcel."""

    def __init__(self) -> None:
        self._named: set[tuple[str, str]] = set()

    def log(self, readings: Sequence[Reading]) -> None:
        """Log a slice: its scans by contract, what is unreadable, and unknown codes."""
        heard: dict[str, list[str]] = defaultdict(list)
        for r in readings:
            if r.unreadable is not None:
                about = {"contract": r.contract, "document": r.document}
                _log.warning("unreadable", **about, because=r.unreadable)
            for event in r.events:
                heard[r.contract].append(_said(event))
                if event.milestone is Milestone.UNKNOWN:
                    self._name(r.contract, event)
        for contract, scans in heard.items():
            _log.info("heard", contract=contract, scans=scans)

    def _name(self, contract: str, event: TrackingEvent) -> None:
        """Log an unknown code, once, with a parcel that it came for."""
        code = event.carrier_code
        if (contract, code) not in self._named and len(self._named) < MOST_NAMED:
            self._named.add((contract, code))
            _log.warning(
                "unknown code", contract=contract, code=code, parcel=_named(event)
            )


def _said(event: TrackingEvent) -> str:
    """Spell an event, with every reference that it names."""
    at = event.occurred_at.isoformat(timespec="seconds")
    return f"{_named(event)} {event.carrier_code} {event.milestone} {at}"


def _named(event: TrackingEvent) -> str:
    return " ".join(reference.value for reference in event.references)
