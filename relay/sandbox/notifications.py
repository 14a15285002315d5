"""What feeds and hooks learn of changed orders, and the routes of hooks."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from aiohttp import ClientSession, web

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.checks import RejectedCall
from relay.sandbox.credentials import Credentials
from relay.sandbox.feeds import Feeds, Key, Message, notification
from relay.sandbox.filters import FilterState, parse_filter
from relay.sandbox.hooks import PING, Hook, Hooks, deliver, post, refusal
from relay.sandbox.orders import Order, order_shape

routes = web.RouteTableDef()
SESSION: Final = web.AppKey("notifying session", ClientSession)


@dataclass(slots=True)
class Notifications:
    """The feeds, the hooks, and the last status of each order that they got."""

    feeds: Feeds = field(default_factory=Feeds)
    hooks: Hooks = field(default_factory=Hooks)
    _statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    _deliveries: set[asyncio.Task[None]] = field(default_factory=set)

    def changed(
        self,
        order: Order,
        at: datetime,
        session: ClientSession,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Put a change of *order* into the feeds, and send it to the hooks."""
        shape = order_shape(order, at)
        last = self._statuses.get((order.account, order.id))
        moved = shape["status"] != last
        self._statuses[order.account, order.id] = shape["status"]
        item = notification(shape, last, at)
        for feed in self.feeds.of(order.account, at):
            if _wanted(feed.state, shape, moved=moved):
                feed.used_at = at
                feed.messages.append(Message(item, at, at))
        for key in [k for k in self.hooks.by_key if k[0] == order.account]:
            hook = self.hooks.find(key, at)
            if hook is not None and _wanted(hook.state, shape, moved=moved):
                hook.used_at = at
                sending = deliver(self.hooks, key, hook, item, (session, sleep))
                self._start(sending)

    def _start(self, sending: Any) -> None:
        task = asyncio.create_task(sending)
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    def stop(self) -> None:
        """End the repetitions of notifications."""
        for task in self._deliveries:
            task.cancel()


def _wanted(state: FilterState, shape: dict[str, Any], *, moved: bool) -> bool:
    return (moved and state.filter.takes(shape["status"])) or state.fires(shape)


class NotifyingWorld(Protocol):
    """What the hook's routes need of the sandbox's state."""

    notifications: Notifications
    credentials: Credentials

    def now(self) -> datetime:
        """Return the sandbox's time."""
        ...


NOTIFYING: Final[web.AppKey[Any]] = web.AppKey("notifying world")


@routes.route("*", "/vtex/{account}/api/orders/hook/config")
async def configure_hook(request: web.Request) -> web.Response:
    """Show, set or remove the hook of an application key."""
    world: NotifyingWorld = request.app[NOTIFYING]
    account, headers = request.match_info["account"], request.headers
    roles = world.credentials.roles(account, headers)
    key = (account, headers.get("X-VTEX-API-AppKey", ""))
    if roles is None:
        return answers.unauthorized().response()
    if "feed_admin" not in roles:
        return answers.forbidden().response()
    hooks, now = world.notifications.hooks, world.now()
    if request.method == "DELETE":
        hooks.by_key.pop(key, None)
        return VtexAnswer(204).response()
    if request.method == "POST":
        return (await _configure(request, hooks, key, now)).response()
    found = hooks.find(key, now)
    if found is None:
        return answers.error(404, "1", "Hook configuration not found").response()
    return VtexAnswer(200, found.body).response()


async def _configure(
    request: web.Request, hooks: Hooks, key: Key, now: datetime
) -> VtexAnswer:
    """Ping the address, and store the configuration only if it answers 200."""
    try:
        body = json.loads(await request.read())
        chosen = parse_filter(body["filter"])
        wrong = refusal(body["hook"]["url"])
    except (ValueError, KeyError, TypeError):
        return answers.invalid({"hook": ["filter and hook are required"]})
    except RejectedCall as error:
        return error.answer
    if wrong is not None:
        return answers.invalid({"hook.url": [wrong]})
    hook = Hook(FilterState(chosen, set()), body, now)
    if not await post(request.app[SESSION], hook, PING):
        return answers.invalid({"hook.url": ["Unable to check address"]})
    hooks.by_key[key] = hook
    return VtexAnswer(200, body)


@routes.get("/sandbox/notifications")
async def list_notifications(request: web.Request) -> web.Response:
    """List the feeds with their waiting messages, the hooks, and what was sent."""
    found: Notifications = request.app[NOTIFYING].notifications
    feeds = [
        {"account": a, "appKey": k, "waiting": len(feed.messages), **feed.body}
        for (a, k), feed in found.feeds.by_key.items()
    ]
    hooks = [
        {"account": a, "appKey": k, **hook.body}
        for (a, k), hook in found.hooks.by_key.items()
    ]
    body = {"feeds": feeds, "hooks": hooks, "sent": found.hooks.sent}
    return web.json_response(body)
