"""`relay contracts list` shows what is configured, and how carriers are asked."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from relay.clock import micros
from relay.store.due_polls import PollState
from relay.store.handshakes import Handshakes
from relay.store.polls import PollClaims
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli

FAR = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def configured(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
        "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
        "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
    }


@pytest.mark.usefixtures("ids")
def test_a_contract_that_is_not_asked_shows_its_webhook(cli: Cli) -> None:
    (line,) = cli.rows("contracts", "list")
    assert (line["name"], line["polling"]) == ("swift", None)
    assert "/webhooks/swift" in cli("contracts", "list").stdout


@pytest.mark.usefixtures("ids")
def test_the_last_handshake_of_a_contract_is_shown(cli: Cli) -> None:
    cli.on_database(lambda database: Handshakes(database).put("swift", FAR))
    (line,) = cli.rows("contracts", "list")
    assert line["lastHandshakeAt"] == "2999-01-01T00:00:00Z"
    assert "2998-12-31 21:00:00" in cli("contracts", "list").stdout


@pytest.mark.usefixtures("ids")
def test_a_carrier_that_is_left_alone_says_why(cli: Cli) -> None:
    async def fail(database: SqliteDatabase) -> Any:
        await PollClaims(database).begin(["swift"], FAR)
        state = replace(
            PollState("swift"), failures=9, reason="HTTP 503", open_until=micros(FAR)
        )
        async with database.writing() as tx:
            await tx.run("save_poll", **state.columns())

    cli.on_database(fail)
    (line,) = cli.rows("contracts", "list")
    assert line["polling"]["failures"] == 9
    shown = cli("contracts", "list").stdout
    assert "2998-12-31 21:00:00" in shown
    assert "Times are in America/Sao_Paulo." in shown
    assert "HTTP 503" in shown
