"""Check which permissions an account's keys have in VTEX; nothing is changed."""

from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Final

from aiohttp import ClientSession

from relay.clock import utcnow
from relay.config.account import AccountSettings
from relay.config.settings import Settings
from relay.discovery.calls import DiscoveryTerms
from relay.doctor.findings import Check, Severity, error, ok, warning
from relay.doctor.vtex import NO_ORDER, PATIENCE_SECONDS, check_account
from relay.errors import ConfigurationError, VtexError
from relay.runtime.wiring import discovery_terms, vtex_account
from relay.vtex.bodies import as_bytes, partial_invoice_body
from relay.vtex.client import Deadline, VtexClient, VtexResponse
from relay.vtex.notifications import FEED, HOOK, NotificationClient

_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_NOT_ASKED: Final = (
    "the account is in shadow mode; whether the key may write was not checked"
)
_ASK_LATER: Final = "run relay doctor again after shadow = false"
Asking = Callable[[Deadline], Awaitable[VtexResponse]]


async def check_access(
    account: AccountSettings, settings: Settings, session: ClientSession
) -> list[Check]:
    """Check the key pairs of an account, and each permission that they need."""
    found = [await check_account(account, session)]
    # Without a valid pair, or without VTEX, nothing can be said about permissions.
    if found[0].level is Severity.ERROR and "answered 403" not in found[0].message:
        return found
    client = VtexClient(session, waits=())
    subject = f"accounts.{account.name}.permissions"
    try:
        if account.shadow:  # even a write that VTEX can only refuse is a write
            found.append(warning(subject, _NOT_ASKED, _ASK_LATER))
        asked = list(_questions(account, client))
        terms = discovery_terms(settings).get(account.name)
        asked += list(_of_discovery(terms, client)) if terms is not None else []
        for permission, key, call in asked:
            found.append(await _check(subject, permission, key, call))
    except ConfigurationError as refusal:
        found.append(error(subject, str(refusal), "correct it in the settings"))
    return found


def _questions(
    settings: AccountSettings, client: VtexClient
) -> Iterator[tuple[str, str, Asking]]:
    """Yield a write to an order that does not exist: only its refusal matters.

    Yields nothing in shadow mode.
    """
    if settings.shadow:
        return
    account = vtex_account(settings)
    body = as_bytes(partial_invoice_body(NO_ORDER, None, None, None))

    def write(deadline: Deadline) -> Awaitable[VtexResponse]:
        return client.send_tracking_number(
            account, NO_ORDER, NO_ORDER, body, deadline=deadline
        )

    yield "Notify invoice", "app_key", write


def _of_discovery(
    terms: DiscoveryTerms, client: VtexClient
) -> Iterator[tuple[str, str, Asking]]:
    """Yield a read of the configuration of feed or hook."""
    base = FEED if terms.feed is not None else HOOK

    def read(deadline: Deadline) -> Awaitable[VtexResponse]:
        asking = NotificationClient(client)
        return asking.config(terms.notifier, base, deadline=deadline)

    own = terms.notifier.app_key == terms.orders.app_key
    yield "Feed v3 and Hook Admin", "app_key" if own else "discovery_app_key", read


async def _check(subject: str, permission: str, key: str, call: Asking) -> Check:
    """Return whether VTEX allows a call; any other refusal shows that it does."""
    try:
        answer = await call(Deadline.within(PATIENCE_SECONDS, utcnow))
    except VtexError as failure:
        return error(
            subject, f"{permission}: cannot reach VTEX: {failure}", "try again"
        )
    if answer.status not in _DENIED:
        return ok(subject, f"the key has the permission {permission}")
    words = f"{permission}: VTEX answered {answer.status}: {answer.message}"
    hint = f"give the role of {key} the permission {permission} in VTEX"
    if answer.status == HTTPStatus.UNAUTHORIZED:
        hint = f"VTEX does not accept {key} and its token; check both"
    return error(subject, words.rstrip(": "), hint)
