"""Feed v3 and Hook: their configurations, lots of notifications, commits.

Source: VTEX's guide "Orders feed" (Feed v3), and the Orders API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic_core import to_json

from relay.domain.discovery import HOOK_HEADER
from relay.vtex.client import Deadline, VtexAccount, VtexClient, VtexResponse

FEED: Final = "/api/orders/feed"
HOOK: Final = "/api/orders/hook"
LOT: Final = 10
"""The most notifications of one answer, which is VTEX's limit."""
VISIBILITY_SECONDS: Final = 240
"""How long a notification that was fetched is hidden, unless it is committed."""
RETENTION_SECONDS: Final = 1_209_600
"""How long VTEX stores notifications, and a feed without any: 14 days, the most."""

Trigger = Literal["workflow", "number_added", "tracking_written"]
NUMBER_ADDED: Final = (
    '$count(packageAttachment.packages[type = "Output" and $boolean(trackingNumber)])'
    " > 0"
)
"""JSONata: an invoice has a tracking number. `!= ""` would be true of null, too."""
EVENTS_WRITTEN: Final = (
    '$count(packageAttachment.packages[type = "Output" and (courierStatus.finished ='
    " true or $count(courierStatus.data[$boolean(lastChange)]) > 0)]) > 0"
)
"""JSONata: an invoice has events, or is delivered."""
_EXPRESSIONS: Final[Mapping[Trigger, str]] = {
    "number_added": NUMBER_ADDED,
    "tracking_written": f"{NUMBER_ADDED} or {EVENTS_WRITTEN}",
}


def order_filter(trigger: Trigger, states: Sequence[str]) -> dict[str, Any]:
    """Return the filter of a configuration.

    Status filters are by workflow: expressions on the status skip changes (VTEX: known
    issue 832400). An expression fires once per order.
    """
    if trigger == "workflow":
        return {"type": "FromWorkflow", "status": list(states)}
    return {
        "type": "FromOrders",
        "expression": _EXPRESSIONS[trigger],
        "disableSingleFire": False,
    }


@dataclass(frozen=True, slots=True)
class HookTarget:
    """Where VTEX sends a hook's notifications, with the secret that proves them."""

    url: str
    secret: str = field(repr=False)


def feed_config(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a feed with the filter *wanted*."""
    queue = {
        "visibilityTimeoutInSeconds": VISIBILITY_SECONDS,
        # The capital M is the schema's; VTEX's guide spells it with a small one.
        "MessageRetentionPeriodInSeconds": RETENTION_SECONDS,
    }
    return {"filter": dict(wanted), "queue": queue}


def hook_config(wanted: Mapping[str, Any], target: HookTarget) -> dict[str, Any]:
    """Return the configuration of a hook with the filter *wanted*."""
    headers = {HOOK_HEADER: target.secret}
    return {"filter": dict(wanted), "hook": {"url": target.url, "headers": headers}}


def is_configured(shown: object, wanted: Mapping[str, Any]) -> bool:
    """Whether the configuration that VTEX shows does what is *wanted*.

    Fields that VTEX adds or leaves out do not count; a shown value that differs does.
    """
    if not isinstance(shown, dict):
        return False
    for part in wanted.keys() & {"filter", "hook"}:
        found = shown.get(part)
        if not isinstance(found, dict):
            return False
        if any(k in found and not _same(found[k], v) for k, v in wanted[part].items()):
            return False
    return True


def _same(shown: object, wanted: object) -> bool:
    if isinstance(wanted, list) and isinstance(shown, list):
        return sorted(map(str, shown)) == sorted(map(str, wanted))
    return shown == wanted


class NotificationClient:
    """Client of Feed v3 and Hook; permission Feed v3 and Hook Admin.

    Each call raises what `VtexClient` raises.
    """

    def __init__(self, client: VtexClient) -> None:
        self._client = client

    async def config(
        self, account: VtexAccount, base: str, *, deadline: Deadline
    ) -> VtexResponse:
        """Read the configuration of the feed or the hook; 404 without one."""
        return await self._call(account, "GET", f"{base}/config", None, deadline)

    async def configure(
        self,
        account: VtexAccount,
        base: str,
        config: Mapping[str, Any],
        *,
        deadline: Deadline,
    ) -> VtexResponse:
        """Set a configuration; messages of an earlier one stay."""
        path = f"{base}/config"
        return await self._call(account, "POST", path, config, deadline)

    async def lot(self, account: VtexAccount, *, deadline: Deadline) -> VtexResponse:
        """Fetch up to ten notifications of the feed."""
        path = f"{FEED}?maxlot={LOT}"
        return await self._call(account, "GET", path, None, deadline)

    async def commit(
        self, account: VtexAccount, handles: Sequence[str], *, deadline: Deadline
    ) -> VtexResponse:
        """Commit notifications: VTEX does not deliver them again."""
        body = {"handles": list(handles)}
        return await self._call(account, "POST", FEED, body, deadline)

    async def _call(
        self,
        account: VtexAccount,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: Deadline,
    ) -> VtexResponse:
        sent = None if body is None else to_json(body)
        return await self._client.call(
            account, method, path, deadline=deadline, body=sent
        )
