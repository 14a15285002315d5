"""Passes invoices on to VTEX, with the account's own credentials."""

from dataclasses import dataclass
from typing import Final

from relay.clock import Clock
from relay.config.account import AccountSettings
from relay.runtime.wiring import vtex_account
from relay.service.context import ForwardedAnswer
from relay.vtex.client import Deadline, VtexAccount, VtexClient

SECONDS: Final = 25.0
"""How long VTEX's answer may take: less than most clients wait for theirs."""


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
        got = await self.vtex.post_invoice(known, order_id, body, deadline=deadline)
        return ForwardedAnswer(
            got.status,
            _masked(got.body, known),
            got.content_type,
            got.retry_after,
            got.complete,
        )


def _masked(body: bytes, account: VtexAccount) -> bytes:
    """Return *body* without the account's token, in case VTEX echoes it."""
    return body.replace(account.app_token.encode(), b"***")
