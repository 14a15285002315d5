"""What shoppers should read, computed from a history without the relay's code.

A history says what was printed and what the carrier reported, and when. Because
a call may be on its way while more is reported, the oracle gives two sets: what
must be shown at rest, and what may be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

CONTRADICTING = frozenset(
    [
        "in_transit",
        "at_hub",
        "out_for_delivery",
        "delivery_failed",
        "returning",
        "returned",
    ]
)
GRACE = timedelta(seconds=60)
SOON = timedelta(minutes=10)
LOWEST = timedelta(days=15)
PUBLISHED = frozenset({"normal", "provisional"})

Line = tuple[datetime, str]
"""What a shopper reads: an instant and a text."""


@dataclass(frozen=True)
class Print:
    """A label: one shipment of as many boxes as it has numbers."""

    at: datetime
    order: str
    numbers: tuple[str, ...]
    dispatched: datetime | None = None


@dataclass(frozen=True)
class Report:
    """One scan as the carrier reported it."""

    at: datetime
    number: str
    milestone: str
    happened: datetime
    code: str
    effect: str = "normal"
    undoes: tuple[str, ...] = ()
    final: bool = False

    @property
    def text(self) -> str:
        return self.code.lower()

    @property
    def is_scan(self) -> bool:
        return self.effect == "normal" and self.milestone not in {
            "label_created",
            "unknown",
        }

    @property
    def delivers(self) -> bool:
        return self.effect == "normal" and self.milestone == "delivered"


@dataclass(frozen=True)
class Truth:
    """What may be published for one shipment at one moment."""

    lines: frozenset[Line]
    labels: frozenset[Line]
    delivered: bool


def counts_for(report: Report, label: Print, ended: datetime | None) -> bool:
    """Whether a scan can be about a label's parcel.

    *ended* is when an earlier parcel with the same number was over, if it was
    over before this label was printed.
    """
    if report.number not in label.numbers:
        return False
    began = min(label.at, label.dispatched or label.at)
    began = max(began, label.at - timedelta(days=60)) - LOWEST
    return report.happened >= began and (ended is None or report.happened > ended)


def truth(label: Print, reports: Sequence[Report], now: datetime) -> Truth:
    """Return what may be published at *now*; *reports* are in order of arrival."""
    lines: set[Line] = set()
    labels: set[Line] = set()
    delivered = []
    boxes = len(label.numbers)
    for place, number in enumerate(label.numbers, 1):
        history = _sorted(_own(label, number, reports))
        standing = _without_undone(history)
        believed = _believed(label, standing, now)
        delivered.append(any(r.delivers and r.happened <= now for r in believed))
        prefix = f"volume {place}/{boxes}, {number}: " if boxes > 1 else ""
        for report in believed:
            if report.effect not in PUBLISHED or report.milestone == "unknown":
                continue
            if report.happened > now:
                continue
            target = labels if report.milestone == "label_created" else lines
            target.add((report.happened, prefix + report.text))
    return Truth(frozenset(lines), frozenset(labels), all(delivered))


def retractions(label: Print, reports: Iterable[Report]) -> set[Line]:
    """Return the texts of rollbacks: published only if what they undo was."""
    boxes = len(label.numbers)
    prefix = {n: f"volume {i}/{boxes}, {n}: " for i, n in enumerate(label.numbers, 1)}
    return {
        (r.happened, (prefix[r.number] if boxes > 1 else "") + r.text)
        for r in reports
        if r.effect == "rollback"
    }


def stands_still(label: Print, reports: Sequence[Report], now: datetime) -> bool:
    """Whether every box of a shipment has come to its end."""
    if truth(label, reports, now).delivered:
        return True
    for number in label.numbers:
        history = _sorted(_own(label, number, reports))
        believed = _believed(label, _without_undone(history), now)
        scans = [r for r in believed if r.is_scan and r.happened <= now]
        if not scans or not _is_end(scans[-1]):
            return False
    return True


def _is_end(report: Report) -> bool:
    if report.milestone in {"delivered", "returned"}:
        return True
    return report.final and report.milestone in {"lost", "damaged", "cancelled"}


def _own(label: Print, number: str, reports: Iterable[Report]) -> Iterable[Report]:
    """Leave out what happened before the box left; a delivery waits for a person."""
    began = None
    if label.dispatched is not None:
        began = label.dispatched.replace(microsecond=0) - GRACE
    for report in reports:
        kept = report.delivers or report.milestone == "label_created"
        early = began is not None and report.happened < began
        if report.number == number and (kept or not early):
            yield report


def _sorted(reports: Iterable[Report]) -> list[Report]:
    """Order one box's scans; the same one reported again is the first."""
    first: dict[tuple[datetime, str], Report] = {}
    for report in reports:
        first.setdefault((report.happened, report.code), report)
    return sorted(first.values(), key=lambda r: r.happened)  # else as they came


def _without_undone(history: Sequence[Report]) -> list[Report]:
    """Leave out what was taken back: the codes named, else the event before."""
    standing: list[Report] = []
    for report in history:
        if report.effect != "rollback":
            standing.append(report)
            continue
        undoable = [r for r in standing if r.effect in {"normal", "provisional"}]
        if report.undoes:
            taken = [r for r in undoable if r.code in report.undoes]
        else:
            taken = undoable[-1:]
        standing = [r for r in standing if r not in taken]
    return standing


def _believed(label: Print, standing: Sequence[Report], now: datetime) -> list[Report]:
    """Leave out the deliveries that wait for a person."""
    return [
        report
        for place, report in enumerate(standing)
        if not (report.delivers and _implausible(label, standing, place, now))
    ]


def _implausible(
    label: Print, standing: Sequence[Report], place: int, now: datetime
) -> bool:
    delivery = standing[place]
    scans = [r for r in standing if r.is_scan]
    began = label.at.replace(microsecond=0)
    if label.dispatched is not None:
        began = label.dispatched.replace(microsecond=0) - GRACE
    if delivery.happened < began:
        return True
    alone = all(r.milestone == "delivered" or r.happened < began for r in scans)
    if alone and delivery.happened <= label.at + SOON:
        return True
    before = [r for r in standing[:place] if r.is_scan]
    if any(r.milestone in {"returning", "returned"} for r in before):
        return True
    after = standing[place + 1 :]
    against = [
        i for i, r in enumerate(after) if r.is_scan and r.milestone in CONTRADICTING
    ]
    again = [
        i
        for i, r in enumerate(after)
        if r.delivers
        and r.happened <= now
        and not _implausible(label, standing, place + 1 + i, now)
    ]
    return bool(against) and not (again and again[-1] > against[-1])
