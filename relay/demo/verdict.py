"""Compare what VTEX received with what it should have received; pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from relay.demo.evidence import LOST, OUT, Channels, Evidence, Package
from relay.demo.findings import THE_DEMO, FailedCheck, Verdict
from relay.demo.plan import DemoShipment, Phase
from relay.demo.traps import repeated_unnoticed, traps
from relay.sandbox.records import AcceptedWrite


def decide(plan: Sequence[DemoShipment], evidence: Evidence) -> Verdict:
    """Compare the plan with the evidence."""
    repeats = list(_repeats(evidence))
    failed = [
        *_shown(plan, evidence),
        *_strangers(plan, evidence),
        *(finding for finding, excuse in repeats if excuse is None),
        *_reverted(evidence),
        *_complaints(evidence),
        *_webhooks(evidence),
        *_disturbances(evidence),
        *(failed for trap in traps(plan, evidence) for failed in trap.failed),
    ]
    excused = [
        FailedCheck(finding.order_id, f"{finding.reason}; the previous call: {excuse}")
        for finding, excuse in repeats
        if excuse is not None
    ]
    return Verdict(tuple(failed), tuple(excused))


def _shown(plan: Sequence[DemoShipment], evidence: Evidence) -> Iterator[FailedCheck]:
    """Find what VTEX shows wrongly, shipment by shipment."""
    shown = {(p.order_id, p.invoice_number): p for p in evidence.packages}
    for shipment in plan:
        package = shown.get((shipment.order_id, shipment.shown_as))
        if package is None:
            yield FailedCheck(shipment.order_id, "VTEX has no such order")
            continue
        for reason in (
            *_number(shipment, package),
            *_delivery(shipment, package),
            *_events(shipment, package, repeated_unnoticed(shipment, evidence)),
        ):
            yield FailedCheck(shipment.order_id, reason)


def _number(shipment: DemoShipment, package: Package) -> Iterator[str]:
    number = shipment.boxes[0].number
    if package.number is None:
        yield f"trackingNumber: missing, expected {number}"
    elif package.number != number:
        yield f"trackingNumber: {package.number}, expected {number}"


def _delivery(shipment: DemoShipment, package: Package) -> Iterator[str]:
    expected = shipment.delivered_at
    if package.finished and expected is None:
        yield "delivered in VTEX, but the carrier never delivered it"
    elif expected is not None and not package.finished:
        yield "not delivered in VTEX, but the carrier delivered it"
    elif package.finished and package.delivered_at != expected:
        yield f"deliveredDate: {_at(package.delivered_at)}, expected {_at(expected)}"


def _events(
    shipment: DemoShipment, package: Package, repeated: Counter[datetime]
) -> Iterator[str]:
    """Compare the instants of the events; those *repeated* may be shown once more."""
    expected = Counter(shipment.shown_at) + repeated
    shown = Counter(package.events)
    for missing in sorted((expected - shown).elements()):
        yield f"event missing in VTEX: {_at(missing)}"
    for surplus in sorted((shown - expected).elements()):
        problem = "duplicate" if surplus in expected else "unexpected"
        yield f"{problem} event in VTEX: {_at(surplus)}"


def _at(moment: datetime | None) -> str:
    return "none" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _strangers(
    plan: Sequence[DemoShipment], evidence: Evidence
) -> Iterator[FailedCheck]:
    known = {(s.order_id, n) for s in plan for n in (s.invoice_number, s.shown_as)}
    for write in evidence.writes:
        order_id = write.order_id or ""
        if (order_id, write.invoice_number) not in known:
            reason = f"write for an unknown invoice {write.invoice_number}"
            yield FailedCheck(order_id, reason)


def _by_invoice(
    evidence: Evidence, kind: str
) -> Iterator[tuple[str, list[AcceptedWrite]]]:
    """Group the writes of one kind by invoice, each in their order."""

    def key(write: AcceptedWrite) -> tuple[str, str]:
        return (write.order_id or "", write.invoice_number or "")

    of_kind = [w for w in evidence.writes if w.kind == kind]
    for (order_id, _), group in groupby(sorted(of_kind, key=key), key):
        yield order_id, list(group)


def _repeats(evidence: Evidence) -> Iterator[tuple[FailedCheck, str | None]]:
    """Find repeated writes, and what explains each: no answer to the previous one."""
    calls = {call.sequence: call for call in evidence.calls}
    for kind, reason, is_new in (
        ("patch", "the tracking number was sent twice", _is_first),
        ("put", "a PUT had no new event", _has_news),
    ):
        for order_id, group in _by_invoice(evidence, kind):
            for index in range(1, len(group)):
                if not is_new(group[index], group[:index]):
                    excuse = evidence.excuse(calls[group[index - 1].call])
                    yield FailedCheck(order_id, reason), excuse


def _is_first(_: AcceptedWrite, before: Sequence[AcceptedWrite]) -> bool:
    """Return whether a PATCH is new: the demo never changes a number."""
    return not before


def _has_news(write: AcceptedWrite, before: Sequence[AcceptedWrite]) -> bool:
    """Return whether a PUT has an event or a delivery that none before it had."""
    known = frozenset[tuple[str, ...]]().union(*map(_sent_events, before))
    first_delivery = _delivers(write) and not any(map(_delivers, before))
    return first_delivery or not _sent_events(write) <= known


def _sent_events(write: AcceptedWrite) -> frozenset[tuple[str, ...]]:
    fields = ("date", "description", "city", "state")
    return frozenset(tuple(e[f] for f in fields) for e in write.body["events"])


def _delivers(write: AcceptedWrite) -> bool:
    return bool(write.body["isDelivered"])


def _reverted(evidence: Evidence) -> Iterator[FailedCheck]:
    for order_id, group in _by_invoice(evidence, "put"):
        sent = [_delivers(write) for write in group]
        if True in sent and False in sent[sent.index(True) :]:
            yield FailedCheck(order_id, "isDelivered: false after true")


def _complaints(evidence: Evidence) -> Iterator[FailedCheck]:
    disturbed = {c.sequence for c in evidence.calls if evidence.excuse(c) is not None}
    for complaint in evidence.complaints:
        if complaint.call not in disturbed:
            reason = f"VTEX's rule {complaint.rule}: {complaint.message}"
            yield FailedCheck(complaint.order_id or "", reason)


def _webhooks(evidence: Evidence) -> Iterator[FailedCheck]:
    for webhook in evidence.webhooks:
        right: Callable[[int], bool] = _rejected if webhook.forged else _accepted
        wrong = [s for s in webhook.statuses if s is None or not right(s)]
        if wrong or not webhook.statuses:
            kind = "forged webhook" if webhook.forged else "webhook"
            answers = ", ".join(map(str, wrong)) or "nothing"
            yield FailedCheck(webhook.order_id, f"{kind} answered with {answers}")


def _rejected(status: int) -> bool:
    return status == 401  # noqa: PLR2004 -- unauthorized


def _accepted(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 -- success


def _disturbances(evidence: Evidence) -> Iterator[FailedCheck]:
    """Find planned disturbances that did not happen: without them nothing is proved."""
    faults = {call.fault for call in evidence.calls}
    written = {write.call for write in evidence.writes}
    caught = evidence.kill is not None and any(
        evidence.kill.interrupted(call)
        for call in evidence.calls
        if call.sequence in written
    )
    happened = {
        "no call hit the outage": OUT in faults,
        "no response was lost": LOST in faults,
        "no write was in flight at the kill": caught,
        "no webhook was forged": any(w.forged for w in evidence.webhooks),
    }
    for reason, did_happen in happened.items():
        if not did_happen:
            yield FailedCheck(THE_DEMO, reason)


def wrong_channels(
    plan: Sequence[DemoShipment], channels: Channels
) -> Iterator[FailedCheck]:
    """Find the shipments whose events arrived through a wrong channel."""
    for shipment in plan:
        came = channels.get(shipment.order_id, Counter())
        if shipment.scans and set(came) != shipment.carrier.channels:
            named = " and ".join(sorted(came)) or "nothing"
            reason = f"events arrived by {named}, expected {shipment.carrier.channel}"
            yield FailedCheck(shipment.order_id, reason)


def unverified(
    plan: Sequence[DemoShipment], shown: Mapping[str, Any]
) -> Iterator[FailedCheck]:
    """Find the repaired shipments that the relay does not show as verified."""
    for shipment in plan:
        repaired = Phase.VANISHED in shipment.steps
        if repaired and shown[shipment.order_id]["verifiedAt"] is None:
            yield FailedCheck(shipment.order_id, "repaired, but not verified")


def channel_counts(channels: Channels) -> str:
    """Return a line with the number of events by channel."""
    total = sum(channels.values(), Counter[str]())
    parts = [f"{count} by {channel}" for channel, count in sorted(total.items())[::-1]]
    return f"Events by channel: {', '.join(parts) or 'none'}"
