"""The stage for carriers' own parts: what they are given, and what they give back.

A carrier's part is a class `Simulator` in the module `sandbox` of its folder. It is
made without arguments and satisfies `Simulates`, `Answers` or both; one that answers
may say by `Configures` how it is asked here. It may import this module and the
standard library. For a code or secret it cannot play it raises `ValueError` or
`LookupError`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

MOST_SCANS: Final = 100_000


@dataclass(frozen=True, slots=True)
class SimulatedParcel:
    """One box, with all the names under which a carrier may speak of it."""

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
    """One thing that happened to a parcel, in the carrier's own code."""

    parcel: SimulatedParcel
    code: str
    occurred_at: datetime
    """Aware, in UTC."""
    description: str = ""
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A webhook call, signed and ready to be sent."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A question to the carrier, as it came over HTTP."""

    method: str
    path_values: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """The carrier's answer to a question."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "application/json"}
    )


class Simulation:
    """The scans of one carrier's parcels; of many, the last 100,000."""

    def __init__(self, keep: int = MOST_SCANS) -> None:
        self._scans: dict[int, SimulatedScan] = {}
        self._by_reference: dict[str, dict[int, None]] = {}
        self._recorded = 0
        self._keep = keep

    def record(self, scan: SimulatedScan) -> None:
        """Keep *scan*, so that later answers can tell of it."""
        self._recorded += 1
        self._scans[self._recorded] = scan
        for reference in _references(scan.parcel):
            self._by_reference.setdefault(reference, {})[self._recorded] = None
        if len(self._scans) > self._keep:
            self._forget(next(iter(self._scans)))

    def scans_of(self, reference: str) -> list[SimulatedScan]:
        """Return the scans of a parcel, oldest first.

        *reference* is its tracking number or the carrier's own shipment id.
        """
        numbers = self._by_reference.get(reference, {})
        scans = [self._scans[number] for number in numbers]
        return sorted(scans, key=lambda scan: scan.occurred_at)

    def clear(self) -> None:
        """Forget all scans."""
        self._scans.clear()
        self._by_reference.clear()

    def _forget(self, number: int) -> None:
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
    """Begins with a slash; `{name}` stands for one segment, as in aiohttp."""
    answer: Callable[[SimulatedCall, Simulation], SimulatedAnswer]


@runtime_checkable
class Simulates(Protocol):
    """A carrier that calls the relay."""

    adapter: str

    @property
    def speaks(self) -> Mapping[str, str]:
        """The carrier's code for each milestone of the relay that it can tell."""
        ...

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the real-shaped call for *scan*, signed with *secret*."""
        ...


@runtime_checkable
class Answers(Protocol):
    """A carrier that the relay asks."""

    adapter: str

    def routes(self) -> Iterable[SimulatedRoute]:
        """Return the endpoints that the relay polls."""
        ...


@runtime_checkable
class Configures(Protocol):
    """A carrier that is asked, and says with which settings it is asked here."""

    adapter: str

    @property
    def speaks(self) -> Mapping[str, str]:
        """The carrier's code for each milestone of the relay that it can tell."""
        ...

    def contract(self, base_url: str) -> Mapping[str, str]:
        """Return a contract's settings, `adapter` left out, to be asked at *base_url*.

        Keys are those of `[contracts.<name>]`, the adapter's own ones included.
        """
        ...


Simulator = Simulates | Answers
