"""Logs parsed events, so that an operator can follow one parcel in the log."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from relay.domain.events import TrackingEvent
from relay.logs import logger
from relay.store.event_rows import ParsedDocument

MOST_NAMED: Final = 10_000
"""Unknown codes that are remembered as logged; bounds the memory."""

_log = logger(__name__)


class EventLog:
    """Logs slices of parsed documents; an unknown code is logged once."""

    def __init__(self) -> None:
        self._named: set[tuple[str, str]] = set()

    def log(self, parsed: Sequence[ParsedDocument]) -> None:
        """Log a slice: its events by contract, unreadable documents, unknown codes."""
        events: dict[str, list[str]] = defaultdict(list)
        for one in parsed:
            about = {"contract": one.contract, "document": one.document}
            if one.unreadable is not None:
                _log.warning("unreadable document", **about, because=one.unreadable)
            if one.partly is not None:
                _log.warning("document partly parsed", **about, because=one.partly)
            for event in one.events:
                events[one.contract].append(_spelled(event))
                if event.unmapped:
                    self._log_unknown(one.contract, event)
        for contract, spelled in events.items():
            _log.info("events parsed", contract=contract, events=spelled)

    def _log_unknown(self, contract: str, event: TrackingEvent) -> None:
        """Log an unknown code, with a parcel that it came for."""
        code = event.carrier_code
        if (contract, code) not in self._named and len(self._named) < MOST_NAMED:
            self._named.add((contract, code))
            _log.warning(
                "unknown code", contract=contract, code=code, parcel=_parcel(event)
            )


def _spelled(event: TrackingEvent) -> str:
    """Spell an event, with every reference that it names."""
    at = event.occurred_at.isoformat(timespec="seconds")
    return f"{_parcel(event)} {event.carrier_code} {event.milestone} {at}"


def _parcel(event: TrackingEvent) -> str:
    return " ".join([reference.value for reference in event.references])
