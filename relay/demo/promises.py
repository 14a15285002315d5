"""Whether the relay kept its promises; pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from relay.demo.evidence import LOST, OUT, Channels, Evidence, Package, Write
from relay.demo.plan import DemoShipment

THE_DEMO: Final = "the demo"
"""Stands for the order where the demo itself did not do what it says."""


@dataclass(frozen=True, slots=True)
class BrokenPromise:
    """A promise that was broken, or a repetition that something explains."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every broken promise, and what was done twice for a good reason."""

    broken: tuple[BrokenPromise, ...]
    excused: tuple[BrokenPromise, ...] = ()


def judge(plan: Sequence[DemoShipment], evidence: Evidence) -> Verdict:
    """Compare what was to happen with what VTEX was told."""
    repeats = list(_repeats(evidence))
    broken = [
        *_shown(plan, evidence),
        *_strangers(plan, evidence),
        *(finding for finding, excuse in repeats if excuse is None),
        *_taken_back(evidence),
        *_complained(evidence),
        *_webhooks(evidence),
        *_disturbances(evidence),
    ]
    excused = [
        BrokenPromise(finding.order_id, f"{finding.reason}, the call before: {excuse}")
        for finding, excuse in repeats
        if excuse is not None
    ]
    return Verdict(tuple(broken), tuple(excused))


def _shown(plan: Sequence[DemoShipment], evidence: Evidence) -> Iterator[BrokenPromise]:
    """Find what VTEX does not show as it should, shipment by shipment."""
    shown = {(p.order_id, p.invoice_number): p for p in evidence.packages}
    for shipment in plan:
        package = shown.get((shipment.order_id, shipment.invoice_number))
        if package is None:
            yield BrokenPromise(shipment.order_id, "VTEX has no such order")
            continue
        for check in (_number, _delivery, _events):
            for reason in check(shipment, package):
                yield BrokenPromise(shipment.order_id, reason)


def _number(shipment: DemoShipment, package: Package) -> Iterator[str]:
    number = shipment.boxes[0].number
    if package.number is None:
        yield f"its tracking number {number} is missing"
    elif package.number != number:
        yield f"its tracking number is {number}, VTEX has {package.number}"


def _delivery(shipment: DemoShipment, package: Package) -> Iterator[str]:
    expected = shipment.delivered_at
    if package.finished and expected is None:
        yield "it was never delivered, and VTEX was told so"
    elif expected is not None and not package.finished:
        yield "it was delivered, and VTEX does not know"
    elif package.finished and package.delivered_at != expected:
        yield f"it was delivered {_at(expected)}, VTEX has {_at(package.delivered_at)}"


def _events(shipment: DemoShipment, package: Package) -> Iterator[str]:
    """Compare the instants; the relay's own first event is the dispatch."""
    scans = {scan.occurred_at for scan in shipment.scans}
    expected = Counter(scans | {shipment.dispatched_at} if scans else ())
    shown = Counter(package.events)
    for missing in sorted((expected - shown).elements()):
        yield f"VTEX does not show what happened {_at(missing)}"
    for surplus in sorted((shown - expected).elements()):
        twice = "twice " if surplus in expected else "what is not this parcel's: "
        yield f"VTEX shows {twice}{_at(surplus)}"


def _at(moment: datetime | None) -> str:
    return "without a date" if moment is None else f"at {moment:%Y-%m-%d %H:%M} UTC"


def _strangers(
    plan: Sequence[DemoShipment], evidence: Evidence
) -> Iterator[BrokenPromise]:
    known = {(s.order_id, s.invoice_number) for s in plan}
    for write in evidence.writes:
        order_id = write.call.order_id or ""
        if (order_id, write.invoice_number) not in known:
            yield BrokenPromise(
                order_id, f"nobody knows its invoice {write.invoice_number}"
            )


def _by_invoice(evidence: Evidence, kind: str) -> Iterator[tuple[str, list[Write]]]:
    """Group the writes of one kind by invoice, each in the order of the calls."""

    def key(write: Write) -> tuple[str, str]:
        return (write.call.order_id or "", write.invoice_number)

    of_kind = [w for w in evidence.writes if w.call.kind == kind]
    for (order_id, _), group in groupby(sorted(of_kind, key=key), key):
        yield order_id, list(group)


def _repeats(evidence: Evidence) -> Iterator[tuple[BrokenPromise, str | None]]:
    """Find what was told again, and what explains it: no answer to the one before."""
    for kind, says, news in (
        ("patch", "its number was told again", _sends_tracking),
        ("put", "a call told nothing new", _tells_news),
    ):
        for order_id, group in _by_invoice(evidence, kind):
            for index in range(1, len(group)):
                if not news(group[index], group[:index]):
                    excuse = evidence.excuse(group[index - 1].call)
                    yield BrokenPromise(order_id, says), excuse


def _sends_tracking(_: Write, before: Sequence[Write]) -> bool:
    """Whether a PATCH is worth it: none of the demo's numbers ever changes."""
    return not before


def _tells_news(write: Write, before: Sequence[Write]) -> bool:
    """Whether a PUT says what none before it said."""
    known = frozenset[tuple[str, ...]]().union(*(w.events for w in before))
    first_delivery = write.delivers and not any(w.delivers for w in before)
    return first_delivery or not write.events <= known


def _taken_back(evidence: Evidence) -> Iterator[BrokenPromise]:
    for order_id, group in _by_invoice(evidence, "put"):
        said = [write.delivers for write in group]
        if True in said and False in said[said.index(True) :]:
            yield BrokenPromise(order_id, "its delivery was taken back")


def _complained(evidence: Evidence) -> Iterator[BrokenPromise]:
    disturbed = {c.sequence for c in evidence.calls if evidence.excuse(c) is not None}
    for complaint in evidence.complaints:
        if complaint.call not in disturbed:
            reason = f"VTEX complains ({complaint.rule}): {complaint.message}"
            yield BrokenPromise(complaint.order_id or "", reason)


def _webhooks(evidence: Evidence) -> Iterator[BrokenPromise]:
    for webhook in evidence.webhooks:
        right: Callable[[int], bool] = _refused if webhook.forged else _taken
        wrong = [s for s in webhook.statuses if s is None or not right(s)]
        if wrong or not webhook.statuses:
            sort = "a forged webhook" if webhook.forged else "a webhook"
            answers = ", ".join(map(str, wrong)) or "no call"
            yield BrokenPromise(webhook.order_id, f"{sort} was answered with {answers}")


def _refused(status: int) -> bool:
    return status == 401  # noqa: PLR2004 -- unauthorized


def _taken(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 -- success


def _disturbances(evidence: Evidence) -> Iterator[BrokenPromise]:
    """Find out whether the bad luck took place; without it nothing is proved."""
    faults = {call.fault for call in evidence.calls}
    caught = evidence.kill is not None and any(
        evidence.kill.interrupted(w.call) for w in evidence.writes
    )
    took_place = {
        "no call met the outage": OUT in faults,
        "no answer was lost": LOST in faults,
        "no write was in flight at the kill": caught,
        "no webhook was forged": any(w.forged for w in evidence.webhooks),
    }
    for reason, happened in took_place.items():
        if not happened:
            yield BrokenPromise(THE_DEMO, reason)


def wrong_channels(
    plan: Sequence[DemoShipment], channels: Channels
) -> Iterator[BrokenPromise]:
    """Find the shipments of which the relay did not hear as it should have."""
    for shipment in plan:
        came = channels.get(shipment.order_id, Counter())
        if shipment.scans and set(came) != shipment.speaker.channels:
            named = " and ".join(sorted(came)) or "nothing"
            reason = f"it was heard of by {named}, not by {shipment.speaker.channel}"
            yield BrokenPromise(shipment.order_id, reason)


def counted(channels: Channels) -> str:
    """Return a line that says how many events came by which door."""
    total = sum(channels.values(), Counter[str]())
    parts = [f"{count} by {channel}" for channel, count in sorted(total.items())[::-1]]
    return f"Events by door: {', '.join(parts) or 'none'}"
