"""Claims, orders and contexts for the publisher's pure rules."""

from datetime import datetime, timedelta
from typing import Any

from relay.config.sections import PublisherSettings
from relay.domain.shipment import Snapshot
from relay.outbound.settlement import AccountTerms, OutcomeContext
from relay.store.accounts import AccountState
from relay.store.snapshots import Claim, Limits
from relay.vtex.client import VtexAccount
from tests.domain.snapshots import NOW, NUMBER, POLICY, snapshot

VTEX = VtexAccount(
    name="store", base_url="https://store.example", app_key="key", app_token="token"
)
WAITS = PublisherSettings()


def claim(known: Snapshot | None = None, **more: Any) -> Claim:
    """Return a claim of a shipment, by default one without events."""
    values: dict[str, Any] = {
        "lease": "lease",
        "lease_until": NOW + timedelta(minutes=1),
        "version": 3,
        "attempts": 1,
        "lane": 0,
        "failing_since": None,
    } | more
    return Claim(snapshot=snapshot() if known is None else known, **values)


def context(
    *,
    state: AccountState | None = None,
    now: datetime = NOW,
    adopt: bool = False,
    jitter: float = 1.0,
) -> OutcomeContext:
    """Return what an outcome depends on besides the answer."""
    return OutcomeContext(
        now=now,
        terms=AccountTerms(VTEX, Limits(9, 9, 9), adopt_invoice_number=adopt),
        policy=POLICY,
        waits=WAITS,
        state=AccountState("store") if state is None else state,
        jitter=jitter,
    )


def order(*packages: dict[str, Any], status: str = "invoiced") -> dict[str, Any]:
    """Return an order as VTEX shows it."""
    return {
        "orderId": "1234-01",
        "status": status,
        "packageAttachment": {"packages": list(packages)},
    }


def package(number: str = "55", **more: Any) -> dict[str, Any]:
    """Return an invoice of an order, without tracking by default."""
    return {"invoiceNumber": number, "type": "Output"} | more


OURS = {
    "trackingNumber": NUMBER.tracking_number,
    "trackingUrl": NUMBER.tracking_url,
    "courier": NUMBER.courier,
}
"""What VTEX shows of an invoice whose tracking number was sent."""


def after(state: AccountState | None, amend: Any) -> AccountState:
    """Return an account's state after an outcome's amendment."""
    found = AccountState("store") if state is None else state
    if amend is not None:
        amend(found)
    return found
