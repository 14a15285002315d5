"""Calls of discovery: within the account's shared rate, with their meaning."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, Literal

from relay.clock import Clock
from relay.errors import VtexError
from relay.store.accounts import Accounts, CallLimits
from relay.vtex.client import Deadline, VtexAccount, VtexResponse

CALL_SECONDS: Final = 30.0
CallKind = Literal["get", "feed", "hook"]
"""The kinds of calls that metrics count: an order, and calls of feed and hook."""
OnCall = Callable[[str, str, int | None, float], None]
"""Counts a call: account, kind, status (None without an answer), seconds."""
_FORBIDDEN: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class DiscoveryTerms:
    """How parcels of one account are found.

    `orders` reads orders, `notifier` is the key of feed and hook. `feed` and `hook` are
    the wanted configurations, None where one is not used. After a 429 or 503 the whole
    account pauses for `least` to `most`.
    """

    orders: VtexAccount
    notifier: VtexAccount
    limits: CallLimits
    feed: Mapping[str, Any] | None = None
    hook: Mapping[str, Any] | None = field(default=None, repr=False)
    least: timedelta = timedelta(seconds=60)
    most: timedelta = timedelta(hours=1)

    @property
    def account(self) -> str:
        """The account's name."""
        return self.orders.name


class CallResult(Enum):
    """What a call led to."""

    DONE = "done"
    MISSING = "missing"  # 404
    FORBIDDEN = "forbidden"  # 401, 403: the key or its role
    REFUSED = "refused"  # another 4xx, or a redirect
    FAILED = "failed"  # no response, a 5xx, or a pause


@dataclass(frozen=True, slots=True)
class Called:
    """A call's result, VTEX's response if there was one, and the problem in words."""

    result: CallResult
    response: VtexResponse | None = None
    problem: str = ""

    @property
    def payload(self) -> Any:
        """The JSON of the response."""
        return self.response.payload if self.response is not None else None


def ignore_call(
    _account: str, _kind: str, _status: int | None, _seconds: float
) -> None:
    """Do nothing: the default where no metrics are counted."""


@dataclass(frozen=True, slots=True)
class AccountCalls:
    """Makes calls for an account, and pauses all of its calls if VTEX asks for it."""

    accounts: Accounts
    clock: Clock
    on_call: OnCall = ignore_call

    async def permitted(self, terms: DiscoveryTerms, calls: int = 1) -> bool:
        """Take *calls* from the account's rate; False if they must wait."""
        now, limits = self.clock(), terms.limits
        return await self.accounts.permit(terms.account, now, limits, calls)

    async def make(
        self,
        terms: DiscoveryTerms,
        kind: CallKind,
        call: Callable[[Deadline], Awaitable[VtexResponse]],
    ) -> Called:
        """Make one call that is permitted, and count it as one of its *kind*."""
        started = time.perf_counter()
        response: VtexResponse | None = None
        try:
            response = await call(Deadline.within(CALL_SECONDS, self.clock))
        except VtexError as error:
            return Called(CallResult.FAILED, problem=str(error))
        finally:
            status = response.status if response is not None else None
            seconds = time.perf_counter() - started
            self.on_call(terms.account, kind, status, seconds)
        if response.status in _BUSY:
            wait = timedelta(seconds=response.retry_after or 0)
            wait = min(max(wait, terms.least), terms.most)
            await self.accounts.pause(terms.account, self.clock() + wait)
        return Called(_result(response.status), response, _words(response))


def _result(status: int) -> CallResult:
    if status in _FORBIDDEN:
        return CallResult.FORBIDDEN
    if status == HTTPStatus.NOT_FOUND:
        return CallResult.MISSING
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return CallResult.FAILED
    success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    return CallResult.DONE if success else CallResult.REFUSED


def _words(response: VtexResponse) -> str:
    """Return what VTEX answered, for people; empty for a success."""
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    return f"VTEX answered {response.status}: {response.message}".rstrip(": ")
