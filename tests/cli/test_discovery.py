"""`relay discovery`: feed, hook and the last orders, in the terminal and as JSON."""

import pytest

from relay.clock import micros
from relay.domain.discovery import LookOutcome, OrderNotification
from relay.store.discovery import Discovery, DiscoveryState, SettledLook
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import NOW, Cli

DETAIL = "courier 'X'; add it to courier_names of its contract"


def configured(state: DiscoveryState) -> None:
    state.feed_ready_at = micros(NOW)


async def notified(database: SqliteDatabase) -> None:
    """Store one order that the feed named, and what reading it led to."""
    store = Discovery(database)
    found = [OrderNotification("v100-01", "invoiced", "E1", NOW)]
    await store.record("store", "feed", found, NOW, configured)
    (order,) = await store.claim("store", NOW, NOW, 1)
    await store.settle(order, SettledLook(LookOutcome.UNCLAIMED, DETAIL), NOW)


@pytest.fixture(autouse=True)
def _configured(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
    }


@pytest.mark.usefixtures("ids")
def test_an_account_without_discovery_says_so(cli: Cli) -> None:
    (one,) = cli.rows("discovery")
    assert (one["mode"], one["feed"], one["hook"], one["orders"]) == (
        "off",
        None,
        None,
        [],
    )
    assert "off" in cli("discovery").stdout


@pytest.mark.usefixtures("ids")
def test_the_feed_and_its_last_orders_are_shown(cli: Cli) -> None:
    cli.environ["RELAY_ACCOUNTS__STORE__DISCOVERY"] = "feed"
    cli.on_database(notified)
    (one,) = cli.rows("discovery")
    assert one["feed"]["readyAt"] == "2026-08-01T12:00:00Z"
    assert [(o["orderId"], o["outcome"]) for o in one["orders"]] == [
        ("v100-01", "no contract has the courier")
    ]
    shown = cli("discovery").stdout
    assert "2026-08-01 09:00:00" in shown
    assert DETAIL in " ".join(shown.split())
