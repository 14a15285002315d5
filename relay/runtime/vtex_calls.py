"""The calls to VTEX of the VTEX-compatible endpoint, with the account's credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from relay.clock import Clock
from relay.config.account import AccountSettings
from relay.errors import VtexError
from relay.runtime.wiring import vtex_account
from relay.service.context import ForwardedAnswer
from relay.vtex.client import Deadline, VtexAccount, VtexClient
from relay.vtex.orders import FoundPackage, find_package, parse_order

SECONDS: Final = 25.0
"""How long VTEX's answer may take: less than most clients wait for theirs."""

READ_SECONDS: Final = 4.0
"""How long a read may delay a caller whose call does not depend on it."""


@dataclass(frozen=True, slots=True)
class InvoiceForwarder:
    """Sends an invoice to VTEX once; the caller's own credentials never get there."""

    vtex: VtexClient
    clock: Clock

    async def __call__(
        self, account: AccountSettings, order_id: str, body: bytes
    ) -> ForwardedAnswer:
        """Return VTEX's answer; raise `VtexError` without one."""
        known = vtex_account(account)
        deadline = Deadline.within(SECONDS, self.clock)
        got = await self.vtex.forward_invoice(known, order_id, body, deadline=deadline)
        return ForwardedAnswer(
            got.status,
            _masked(got.body, known),
            got.content_type,
            got.retry_after,
            got.complete,
        )


@dataclass(frozen=True, slots=True)
class TrackingReader:
    """Reads what VTEX shows of an invoice; a parcel may be older than the relay."""

    vtex: VtexClient
    clock: Clock

    async def __call__(
        self, account: AccountSettings, order_id: str, invoice_number: str
    ) -> Mapping[str, str]:
        """Return the fields of a label that VTEX shows; none if that is not known."""
        deadline = Deadline.within(READ_SECONDS, self.clock)
        try:
            answer = await self.vtex.read_order(
                vtex_account(account), order_id, deadline=deadline
            )
        except VtexError:
            return {}
        order = parse_order(answer.payload) if answer.status == HTTPStatus.OK else None
        found = find_package(order, invoice_number) if order is not None else None
        if not isinstance(found, FoundPackage) or not found.package.tracking_number:
            return {}
        shown = {
            "trackingNumber": found.package.tracking_number,
            "trackingUrl": found.package.tracking_url,
            "courier": found.package.courier,
        }
        return {name: value for name, value in shown.items() if value}


def _masked(body: bytes, account: VtexAccount) -> bytes:
    """Return *body* without the account's token, in case VTEX echoes it."""
    return body.replace(account.app_token.encode(), b"***")
