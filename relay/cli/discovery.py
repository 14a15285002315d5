"""`relay discovery`: whether parcels are found in VTEX."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import local, write_line, write_model, write_table
from relay.cli.session import run_operation
from relay.cli.table import Column
from relay.service.access import Caller
from relay.service.discovery_models import (
    DiscoveryChannel,
    DiscoveryEntry,
    DiscoveryList,
)
from relay.service.services import Services
from relay.service.views import account_zone

CHANNELS = (
    Column("account"),
    Column("source"),
    Column("filter", 3),
    Column("configured"),
    Column("last notified"),
    Column("waiting", 1),
    Column("lag s", 1),
    Column("problem", is_text=True),
)
ORDERS = (
    Column("account"),
    Column("order"),
    Column("state"),
    Column("source", 2),
    Column("notified"),
    Column("read", 1),
    Column("next", 2),
    Column("outcome"),
    Column("detail", is_text=True),
)


def discovery(config: Config = None, as_json: AsJson = False) -> None:
    """Show whether parcels are found in VTEX: feed, hook, and the last orders."""

    async def operation(services: Services, caller: Caller) -> DiscoveryList:
        return await services.discovery.discovery(caller)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    settings = settings_of(config)
    zones = {one.account: account_zone(one.account, settings) for one in found.accounts}
    rows = [row for one in found.accounts for row in _channels(one, zones[one.account])]
    write_table(CHANNELS, rows)
    orders = [row for one in found.accounts for row in _orders(one, zones[one.account])]
    if orders:
        write_line("")
        write_table(ORDERS, orders)


def _channels(one: DiscoveryEntry, zone: tzinfo) -> Iterator[list[Any]]:
    channels = {"feed": one.feed, "hook": one.hook}
    used = {name: c for name, c in channels.items() if c is not None}
    if not used:
        yield [one.account, "off", *[None] * 6]
    for name, channel in used.items():
        yield [one.account, name, *_channel(channel, one, zone)]


def _channel(channel: DiscoveryChannel, one: DiscoveryEntry, zone: tzinfo) -> list[Any]:
    problems = "; ".join(filter(None, (channel.problem, one.problem)))
    times = [local(channel.ready_at, zone), local(channel.last_notified_at, zone)]
    return [channel.filter, *times, one.waiting, one.lag_seconds, problems or None]


def _orders(one: DiscoveryEntry, zone: tzinfo) -> Iterator[list[Any]]:
    for order in one.orders:
        times = (order.notified_at, order.looked_at, order.next_look_at)
        yield [
            one.account,
            order.order_id,
            order.state,
            order.source,
            *(local(when, zone) for when in times),
            order.outcome,
            order.detail,
        ]
