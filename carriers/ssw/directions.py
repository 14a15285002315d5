"""The scans of an answer of SSW, and the direction of the goods in each."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from carriers.ssw.payload import Answer, Occurrence, Transport
from relay.adapters.parts import EventOrder, attempt
from relay.adapters.protocol import UnreadablePart
from relay.adapters.times import iso
from relay.domain.event_time import EventTime


@dataclass(frozen=True, slots=True)
class Scan:
    """An occurrence at its position; `reverse`: its goods go back to the sender."""

    position: str
    occurrence: Occurrence
    happened_at: EventTime
    sender: str
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Scans:
    """The scans of an answer, and its unreadable parts, in the order of the answer.

    Within one transport document the oldest is listed first.
    """

    parts: tuple[Scan | UnreadablePart, ...]
    order: EventOrder


def scans_of(answer: Answer, zone: ZoneInfo) -> Scans:
    """Return all scans; an NF-e that is not known yet has none.

    In a document of a return the sender and the recipient are exchanged. The sender
    alone tells: the recipient is personal data, and an old document must give the same
    events without it.
    """
    found: list[Scan | UnreadablePart] = []
    transports = answer.transports()
    for at, raw in transports:
        scans = attempt(at, partial(_of_transport, at, raw, zone))
        found += [scans] if isinstance(scans, UnreadablePart) else scans
    known = [s for s in found if isinstance(s, Scan) and s.sender]
    # min() returns the first of several, as the answer lists them.
    first = min(known, key=lambda scan: scan.happened_at.at).sender if known else ""
    parts = tuple(
        replace(s, reverse=s.sender not in {"", first}) if isinstance(s, Scan) else s
        for s in found
    )
    return Scans(
        parts, EventOrder.OLDEST_FIRST if len(transports) == 1 else EventOrder.UNKNOWN
    )


def _of_transport(at: str, raw: Any, zone: ZoneInfo) -> list[Scan | UnreadablePart]:
    transport = Transport.model_validate(raw)
    return [
        attempt(where, partial(_scan, where, each, transport.sender, zone))
        for index, each in enumerate(transport.occurrences)
        for where in (f"{at}.tracking.{index}",)
    ]


def _scan(position: str, raw: Any, sender: str, zone: ZoneInfo) -> Scan:
    occurrence = Occurrence.model_validate(raw)
    return Scan(position, occurrence, iso(occurrence.happened_at, zone), sender)
