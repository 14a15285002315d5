"""What is wrong with discovery, for the status."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from relay.config.account import AccountSettings
from relay.logs import counted
from relay.service.status_models import StatusProblem, wrong
from relay.store.discovery import DiscoveryState, WaitingOrders

LAG: Final = timedelta(minutes=10)
"""Orders that wait for longer are not being read."""
_SEE: Final = "relay discovery"


def discovery_problems(
    account: AccountSettings,
    state: DiscoveryState | None,
    waiting: WaitingOrders | None,
    now: datetime,
) -> Iterator[StatusProblem]:
    """Yield why parcels of an account are not found in VTEX."""
    if account.discovery == "off":
        return
    if state is not None:
        found = {"feed": state.feed_problem, "hook": state.hook_problem}
        for source, problem in found.items():
            if problem:
                yield wrong(f"the {source} does not work: {problem}", _SEE)
        if state.order_problem:
            yield wrong(f"orders cannot be read: {state.order_problem}", _SEE)
    if waiting is not None and now - waiting.oldest_at > LAG:
        orders = counted(waiting.waiting, "order")
        message = f"{orders} to read since {waiting.oldest_at:%Y-%m-%d %H:%M} UTC"
        yield wrong(message, f"is the relay running? {_SEE}")
