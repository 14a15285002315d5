"""What an order that was read says before the first announcement; pure."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.publisher.settling import Settlement, postponed, slower, stuck
from relay.publisher.terms import Waits
from relay.store.claimed import Change, Claim, with_facts
from relay.store.facts import announced
from relay.telling.facts import Facts
from relay.vtex.orders import (
    Differs,
    OrderView,
    PackageView,
    find_package,
    parse_order,
    shows_announcement,
)

ORDER_CANCELLED = "order_cancelled"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen; `differs` is the number that VTEX writes otherwise."""

    claim: Claim
    changes: tuple[Change, ...] = ()
    settlement: Settlement | None = None
    differs: str | None = None


def package_of(facts: Facts, payload: object) -> PackageView | None:
    """Return the invoice's package in an order that was read, if it is there."""
    order = parse_order(payload)
    if order is None:
        return None
    found = find_package(
        order, facts.invoice_number, facts.invoice_key, facts.vtex_invoice_number
    )
    return None if found is None or isinstance(found, Differs) else found.package


def looked(
    claim: Claim, payload: object, now: datetime, _zone: ZoneInfo, waits: Waits
) -> Seen:
    """Find the invoice; what VTEX shows as ours needs no announcement."""
    facts = claim.facts
    order = parse_order(payload)
    if order is None:
        return Seen(claim, settlement=not_seen(claim, now, waits, "an odd order"))
    if order.canceled:
        return Seen(claim, settlement=Settlement(closes_because=ORDER_CANCELLED))
    found = find_package(
        order, facts.invoice_number, facts.invoice_key, facts.vtex_invoice_number
    )
    if found is None:
        return Seen(claim, settlement=not_seen(claim, now, waits, _numbers(order)))
    if isinstance(found, Differs):
        number = found.package.invoice_number
        because = f"the invoice as {number!r}: other {found.by}; register that number"
        settlement = not_seen(claim, now, waits, because)
        return Seen(claim, settlement=settlement, differs=number)
    return _found(claim, found.package, now)


def _found(claim: Claim, package: PackageView, now: datetime) -> Seen:
    facts = claim.facts
    row = {
        "shipment": facts.shipment,
        "now": micros(now),
        "vtex_invoice_number": None,
    }
    changes: tuple[Change, ...] = (("looked", row),)
    if not shows_ours(facts, package):
        return Seen(with_facts(claim, looked=True), changes)
    assert facts.announcement is not None  # noqa: S101 -- shows_ours looked
    accepted = {
        "shipment": facts.shipment,
        "announced_as": announced(facts.announcement),
    }
    anew = with_facts(claim, looked=True, announced_as=facts.announcement)
    return Seen(anew, (*changes, ("accept_announcement", accepted)))


def shows_ours(facts: Facts, package: PackageView) -> bool:
    """Whether VTEX has the number, URL and courier that we hold."""
    ours = facts.announcement
    return ours is not None and shows_announcement(
        package, ours.tracking_number, ours.tracking_url, ours.courier
    )


def not_seen(claim: Claim, now: datetime, waits: Waits, shown: str) -> Settlement:
    """Wait for the invoice, slower and slower; say what VTEX shows instead."""
    because = f"VTEX does not show the invoice yet; it shows {shown}"
    if claim.failing_since and now - claim.failing_since > waits.not_yet_for:
        return stuck(because)
    wait = slower(claim.failing_since, now, least=waits.not_yet, most=waits.not_yet_cap)
    return postponed(now + wait, because)


def _numbers(order: OrderView) -> str:
    numbers = ", ".join(p.invoice_number for p in order.packages)
    return f"invoices {numbers}" if numbers else "no invoice"
