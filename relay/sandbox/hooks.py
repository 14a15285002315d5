"""Hooks: VTEX pings an address when it is configured, and then notifies it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from relay.sandbox.feeds import Key
from relay.sandbox.filters import FilterState

ANSWER_SECONDS: Final = 5.0
"""VTEX waits so long for a 200 (VTEX: orders feed guide)."""
QUIET_LIMIT: Final = timedelta(days=3)
"""A hook without a notification for so long is removed."""
FIRST_RETRY: Final = 10.0
"""Seconds until the first repetition; the pauses double (VTEX gives no figures)."""
MOST_TRIES: Final = 12
PING: Final = {"hookConfig": "ping"}


@dataclass(slots=True)
class Hook:
    """The hook of one application key."""

    state: FilterState
    body: dict[str, Any]
    used_at: datetime

    @property
    def url(self) -> str:
        """The address that is notified."""
        return str(self.body["hook"]["url"])

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every notification."""
        return dict(self.body["hook"].get("headers") or {})


@dataclass(slots=True)
class Hooks:
    """The hooks of all accounts, and what was sent to them."""

    by_key: dict[Key, Hook] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def find(self, key: Key, now: datetime) -> Hook | None:
        """Return the hook of a key; one that was quiet for three days is gone."""
        hook = self.by_key.get(key)
        if hook is not None and now - hook.used_at >= QUIET_LIMIT:
            del self.by_key[key]
            return None
        return hook


def refusal(url: object) -> str | None:
    """Return why VTEX does not take an address; None if it does.

    The sandbox takes http as well, to this machine.
    """
    parts = urlsplit(url if isinstance(url, str) else "")
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme == "https" or (parts.scheme == "http" and local):
        return None
    return "Only https scheme is accepted"


async def post(session: ClientSession, hook: Hook, body: Mapping[str, Any]) -> bool:
    """Send *body* to a hook once; return whether it answered 200 in time."""
    timeout = ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with session.post(
            hook.url,
            json=body,
            headers=hook.headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            return response.status == 200  # noqa: PLR2004 -- as documented
    except (ClientError, TimeoutError):
        return False


async def deliver(
    hooks: Hooks,
    key: Key,
    hook: Hook,
    item: Mapping[str, Any],
    tools: tuple[ClientSession, Callable[[float], Awaitable[None]]],
) -> None:
    """Notify a hook, and repeat that at growing intervals until it answers 200.

    *tools* are the session, and the function that waits.
    """
    session, sleep = tools
    body = _pascal(item) | {"Origin": {"Account": key[0], "Key": key[1]}}
    for attempt in range(MOST_TRIES):
        if hooks.by_key.get(key) is not hook:
            return
        accepted = await post(session, hook, body)
        hooks.sent.append({"orderId": item["orderId"], "accepted": accepted})
        if accepted:
            return
        await sleep(FIRST_RETRY * 2**attempt)


def _pascal(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a hook's notification, which has no event id."""
    wanted = ("domain", "orderId", "state", "lastState", "lastChange", "currentChange")
    return {name[0].upper() + name[1:]: item[name] for name in wanted}
