"""`relay documents accept` takes what proved nothing, on a person's word."""

from datetime import timedelta
from typing import Any

import pytest

from relay.errors import InvalidLabel, NotFound
from relay.store.rejected import RejectedBounds, RejectedRequest, RejectedRequests
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import NOW, Cli
from tests.support.way_in import everything

BOUNDS = RejectedBounds(10, 10_000, NOW - timedelta(days=7))


@pytest.fixture(autouse=True)
def refused(cli: Cli) -> None:
    """Put two requests aside."""
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
        "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
        "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
    }

    async def put(database: SqliteDatabase) -> None:
        rejected_requests = [
            RejectedRequest(
                "swift", NOW, {}, b"{}", {}, "the secret is not the contract's"
            )
            for _ in range(2)
        ]
        await RejectedRequests(database).put(rejected_requests, BOUNDS)

    cli.file.touch()
    cli.on_database(put)


def documents(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.on_database(
        lambda database: everything(database, "documents")
    )
    return found


def test_the_list_says_what_to_do(cli: Cli) -> None:
    shown = cli("lists", "rejected").stdout
    assert "the secret is not the contract's" in shown
    assert "Next: fix the secret; show one: relay documents rejected 2" in shown
    assert "relay documents accept 2" in shown


def test_one_can_be_looked_at_before(cli: Cli) -> None:
    shown = cli("documents", "rejected", "1").stdout
    assert "the secret is not the contract's" in shown
    assert "{}" in shown
    assert isinstance(cli("documents", "rejected", "7").exception, NotFound)


def test_one_request_is_taken(cli: Cli) -> None:
    ran = cli("documents", "accept", "1")
    assert "1 request will be parsed" in ran.stdout
    assert [d["source"] for d in documents(cli)] == ["operator"]
    assert isinstance(cli("documents", "accept", "1").exception, NotFound)


def test_all_of_a_contract_are_taken(cli: Cli) -> None:
    assert (
        "2 requests"
        in cli("documents", "accept", "--all", "--contract", "swift").stdout
    )
    assert len(documents(cli)) == 2


@pytest.mark.parametrize(
    "options", [[], ["--all"], ["1", "--all"], ["1", "--contract", "swift"]]
)
def test_one_or_all_of_a_contract_must_be_said(cli: Cli, options: list[str]) -> None:
    ran = cli("documents", "accept", *options)
    assert ran.exit_code == 2
    assert "--all --contract" in ran.output
    assert documents(cli) == []


def test_a_contract_that_nobody_configured_is_named(cli: Cli) -> None:
    error = cli("documents", "accept", "--all", "--contract", "slow").exception
    assert isinstance(error, InvalidLabel)
    assert "'slow' is not configured" in str(error)
