"""`relay rejected` verifies again what a wrong secret rejected."""

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.protocol import WebhookRequest
from relay.cli.rejected import SHOWN
from relay.config.load import load
from relay.config.seal import Seal
from relay.errors import Conflict, InvalidLabel, NotFound
from relay.service.sealed_requests import PresentedRequest, seal_request
from relay.store.rejected import (
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import NOW, Cli
from tests.support.way_in import everything

BOUNDS = RejectedBounds(1_000_000, NOW - timedelta(days=7))
BELIEVED = ("--unverified", "--reason", "the carrier confirmed it")


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(credentials.encode()).decode()}"}


@pytest.fixture(autouse=True)
def refused(cli: Cli) -> None:
    """Store a forged and a genuine request of contract `swift`."""
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
        "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
        "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
    }
    cli.file.touch()
    store(cli, "user:guess", "user:password")


def store(cli: Cli, *presented: str) -> None:
    """Store rejected requests with these credentials."""
    seal = Seal.of(load(None, cli.environ), "swift")
    requests = [
        RejectedRequest(
            "swift",
            NOW,
            {},
            b"{}",
            seal_request(
                PresentedRequest(WebhookRequest(basic(credentials), b"{}")), seal
            ),
            "the secret is not the contract's",
        )
        for credentials in presented
    ]

    async def put(database: SqliteDatabase) -> None:
        await RejectedRequests(database).put(requests, BOUNDS)

    cli.on_database(put)


def documents(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.on_database(
        lambda database: everything(database, "documents")
    )
    return found


def test_the_list_says_what_to_do(cli: Cli) -> None:
    shown = cli("lists", "rejected").stdout
    assert "the secret is not the contract's" in shown
    assert "Next: show one: relay rejected show 2" in shown
    assert "relay rejected accept --all --contract swift" in shown


def test_one_can_be_looked_at_before(cli: Cli) -> None:
    shown = cli("rejected", "show", "1").stdout
    assert "the secret is not the contract's" in shown
    assert "the secret does not match the contract's" in shown
    assert "{}" in shown
    assert "passes with the current settings" in cli("rejected", "show", "2").stdout
    assert isinstance(cli("rejected", "show", "7").exception, NotFound)


def test_one_request_that_passes_is_accepted(cli: Cli) -> None:
    ran = cli("rejected", "accept", "2")
    assert "1 request will be parsed" in ran.stdout
    assert [d["source"] for d in documents(cli)] == ["webhook"]
    assert isinstance(cli("rejected", "accept", "2").exception, NotFound)


def test_one_request_that_fails_is_accepted_unverified_with_a_reason(cli: Cli) -> None:
    error = cli("rejected", "accept", "1").exception
    assert isinstance(error, Conflict)
    assert "still fails verification: the secret does not match" in str(error)
    without = cli("rejected", "accept", "1", "--unverified").exception
    assert isinstance(without, InvalidLabel)
    assert without.field == "reason"
    assert documents(cli) == []
    assert cli.json("rejected", "accept", "1", *BELIEVED) == {
        "id": 1,
        "contract": "swift",
    }
    assert [d["source"] for d in documents(cli)] == ["operator"]


def test_of_all_those_that_still_fail_are_named(cli: Cli) -> None:
    ran = cli("rejected", "accept", "--all", "--contract", "swift")
    assert ran.exit_code == 1
    assert "1 request will be parsed" in ran.stdout
    failed = "request 1 still fails: the secret does not match the contract's"
    assert failed in ran.stderr
    assert len(documents(cli)) == 1
    rest = cli("rejected", "accept", "--all", "--contract", "swift", *BELIEVED)
    assert (rest.exit_code, len(documents(cli))) == (0, 2)


def test_many_are_accepted_page_by_page_and_not_all_failures_printed(cli: Cli) -> None:
    store(cli, *["user:password"] * 300, *["user:guess"] * SHOWN)
    ran = cli("rejected", "accept", "--all", "--contract", "swift")
    assert "301 requests will be parsed" in ran.stdout
    assert "(1 more; see relay lists rejected)" in ran.stderr
    assert len(documents(cli)) == 301


def test_the_answer_about_all_can_be_json(cli: Cli) -> None:
    ran = cli("rejected", "accept", "--all", "--contract", "swift", "--json")
    assert '"accepted": 1' in ran.stdout
    assert '"stillRejected": [' in ran.stdout


@pytest.mark.parametrize(
    "options", [[], ["--all"], ["1", "--all"], ["1", "--contract", "swift"]]
)
def test_one_or_all_of_a_contract_must_be_said(cli: Cli, options: list[str]) -> None:
    ran = cli("rejected", "accept", *options)
    assert ran.exit_code == 2
    assert "--all --contract" in ran.output
    assert documents(cli) == []


def test_a_contract_that_nobody_configured_is_named(cli: Cli) -> None:
    error = cli("rejected", "accept", "--all", "--contract", "slow").exception
    assert isinstance(error, InvalidLabel)
    assert "'slow' is not configured" in str(error)


def test_contracts_show_how_many_were_rejected(cli: Cli) -> None:
    async def count(database: SqliteDatabase) -> None:
        tally = RejectedTally(NOW, NOW, rejected=32)
        await RejectedRequests(database).put([], BOUNDS, {"swift": tally})

    cli.on_database(count)
    _, head, row = cli("contracts", "list").stdout.splitlines()
    assert ("rejected" in head, "last rejected" in head) == (True, True)
    assert row.split()[3:6] == ["32", "2026-08-01", "09:00:00"]
