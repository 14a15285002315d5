"""What a carrier simulator is, and the values it works with.

A simulator is a class `Simulator` in the module `sandbox` of a carrier's folder. It is
created without arguments and satisfies `Simulates` (webhooks), `Answers` (polling) or
both; a polling one may satisfy `Configures`. It may import this module and the standard
library only, so that it shares no fault with the adapter. For an unknown code or
unusable secret it raises `LookupError` or `ValueError`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

MOST_SCANS: Final = 100_000


@dataclass(frozen=True, slots=True)
class SimulatedParcel:
    """One box, with every reference that a carrier may use for it."""

    order_id: str
    shipment_id: str
    """The carrier's own id."""
    tracking_number: str | None = None
    invoice_key: str | None = None
    volume: int = 1
    volumes: int = 1
    invoice_number: str | None = None


@dataclass(frozen=True, slots=True)
class SimulatedScan:
    """One event of a parcel, with the carrier's own code."""

    parcel: SimulatedParcel
    code: str
    occurred_at: datetime
    """Aware, in UTC."""
    description: str = ""
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A signed webhook, ready to send."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A poll of the carrier's API, as it arrived over HTTP."""

    method: str
    path_values: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """The carrier's answer to a poll."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "application/json"}
    )


class Simulation:
    """The recorded scans of one carrier; the last *keep* ones."""

    def __init__(self, keep: int = MOST_SCANS) -> None:
        self._scans: dict[int, SimulatedScan] = {}
        self._by_reference: dict[str, dict[int, None]] = {}
        self._recorded = 0
        self._keep = keep

    def record(self, scan: SimulatedScan) -> None:
        """Store *scan* for later polls."""
        self._recorded += 1
        self._scans[self._recorded] = scan
        for reference in _references(scan.parcel):
            self._by_reference.setdefault(reference, {})[self._recorded] = None
        if len(self._scans) > self._keep:
            self._drop(next(iter(self._scans)))

    def scans_of(self, reference: str) -> list[SimulatedScan]:
        """Return the scans of a parcel, oldest first.

        *reference* is its tracking number or the carrier's own shipment id.
        """
        numbers = self._by_reference.get(reference, {})
        scans = [self._scans[number] for number in numbers]
        return sorted(scans, key=lambda scan: scan.occurred_at)

    def clear(self) -> None:
        """Remove all scans."""
        self._scans.clear()
        self._by_reference.clear()

    def _drop(self, number: int) -> None:
        scan = self._scans.pop(number)
        for reference in _references(scan.parcel):
            numbers = self._by_reference[reference]
            del numbers[number]
            if not numbers:
                del self._by_reference[reference]


def _references(parcel: SimulatedParcel) -> set[str]:
    named = (
        parcel.tracking_number,
        parcel.shipment_id,
        parcel.invoice_key,
        parcel.invoice_number,
    )
    return {r for r in named if r}


@dataclass(frozen=True, slots=True)
class SimulatedRoute:
    """An endpoint that the relay polls, mounted under `/carriers/{adapter}`."""

    method: str
    path: str
    """Starts with a slash; `{name}` matches one segment, as in aiohttp."""
    answer: Callable[[SimulatedCall, Simulation], SimulatedAnswer]


@runtime_checkable
class Simulates(Protocol):
    """A carrier that sends webhooks."""

    adapter: str

    @property
    def codes(self) -> Mapping[str, str]:
        """The carrier's code for each milestone that it reports."""
        ...

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the carrier's real request for *scan*, signed with *secret*."""
        ...


@runtime_checkable
class Answers(Protocol):
    """A polling carrier."""

    adapter: str

    def routes(self) -> Iterable[SimulatedRoute]:
        """Return the endpoints that the relay polls."""
        ...


@runtime_checkable
class Configures(Protocol):
    """A polling carrier that knows the contract settings for this sandbox."""

    adapter: str

    @property
    def codes(self) -> Mapping[str, str]:
        """The carrier's code for each milestone that it reports."""
        ...

    def contract(self, base_url: str) -> Mapping[str, str]:
        """Return the contract settings to poll *base_url*, without `adapter`.

        Keys are those of `[contracts.<name>]`, the adapter's own ones included.
        """
        ...


Simulator = Simulates | Answers
