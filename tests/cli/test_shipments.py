"""`relay shipments` works on the database that the settings name."""

from typing import Any

import pytest

from relay.errors import Conflict, NotFound
from relay.store.sqlite import SqliteDatabase
from relay.telling.state import State
from tests.cli.conftest import Cli


def test_shipments_are_listed_with_their_state(cli: Cli, ids: list[str]) -> None:
    ran = cli("shipments", "list")
    assert ran.exit_code == 0, ran.output
    for word in (*ids, "O-1", "TN1", "due", "awaiting_number"):
        assert word in ran.stdout


def test_scripts_get_json(cli: Cli, ids: list[str]) -> None:
    found = cli.json("shipments", "list")
    assert [s["id"] for s in found] == ids[::-1]
    assert found[1]["trackingNumber"] == "TN1"
    assert found[1]["state"] == "due"


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--order", "O-1"], 1),
        (["--invoice", "1"], 2),
        (["--number", "tn1"], 1),
        (["--key", "35"], 0),
        (["--account", "store"], 2),
        (["--account", "other"], 0),
        (["--state", "awaiting_number"], 1),
        (["--limit", "1"], 1),
    ],
)
@pytest.mark.usefixtures("ids")
def test_a_list_is_narrowed_by_its_options(
    cli: Cli, options: list[str], count: int
) -> None:
    assert len(cli.json("shipments", "list", *options)) == count


def test_a_state_that_does_not_exist_is_refused_by_name(cli: Cli) -> None:
    ran = cli("shipments", "list", "--state", "lost")
    assert ran.exit_code == 2
    assert State.IN_DOUBT.value in ran.stderr


def test_a_shipment_is_shown_with_all_that_happened(
    cli: Cli, documents: list[str]
) -> None:
    ran = cli("shipments", "show", documents[0])
    assert ran.exit_code == 0, ran.output
    assert "registered" in ran.stdout
    assert "picked_up (PU) Posted" in ran.stdout


def test_a_call_and_an_event_that_waits_are_shown_in_words(
    cli: Cli, documents: list[str]
) -> None:
    shipment = {"shipment": 1, "now": 1}

    async def act(database: SqliteDatabase) -> None:
        call: dict[str, Any] = {"call": "c-1", "account": "store", "kind": "announce"}
        async with database.writing() as tx:
            await tx.run("store_call", **shipment, **call, body="{}")
            await tx.run(
                "answer_call", call="c-1", now=2, status=400, words="Bad date", sent=1,
                receipt=None,
            )  # fmt: skip
            await tx.run("quarantine_event", shipment=1, event=1, because="too soon")

    cli.on_database(act)
    ran = cli("shipments", "show", documents[0])
    assert "400 Bad date" in ran.stdout
    assert "waits: too soon" in ran.stdout
    timeline = cli.json("shipments", "show", documents[0])["timeline"]
    assert timeline["calls"][0]["words"] == "Bad date"


def test_a_stuck_shipment_is_tried_again(cli: Cli, ids: list[str]) -> None:
    async def act(database: SqliteDatabase) -> None:
        async with database.writing() as tx:
            await tx.run("cancel_shipment", shipment=2, now=0)

    cli.on_database(act)
    assert cli("shipments", "retry", ids[0]).exit_code == 0
    notes = cli.json("shipments", "show", ids[0])["timeline"]["notes"]
    assert notes[-1]["text"].startswith("to be tried again")
    refused = cli("shipments", "retry", ids[1])
    assert isinstance(refused.exception, Conflict)


def test_a_cancelled_shipment_says_what_vtex_keeps(cli: Cli, ids: list[str]) -> None:
    async def announce(database: SqliteDatabase) -> None:
        row = {"shipment": 1, "announced_as": '{"tracking_number": "TN1"}'}
        async with database.writing() as tx:
            await tx.run("accept_announcement", **row)

    cli.on_database(announce)
    ran = cli("shipments", "cancel", ids[0])
    assert ran.exit_code == 0, ran.output
    assert "keeps it" in ran.stderr
    assert cli("shipments", "cancel", ids[1]).stderr == ""
    states = {s["id"]: s["state"] for s in cli.json("shipments", "list")}
    assert set(states.values()) == {"cancelled"}


@pytest.mark.parametrize("verb", ["show", "retry", "cancel"])
@pytest.mark.usefixtures("ids")
def test_a_shipment_that_is_not_there_is_named(cli: Cli, verb: str) -> None:
    assert isinstance(cli("shipments", verb, "nothing").exception, NotFound)


def test_a_list_goes_on_until_it_is_long_enough(
    cli: Cli, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that looks at two rows only has a next one, and that another."""
    monkeypatch.setattr("relay.store.lists.BATCH", 1)
    monkeypatch.setattr("relay.store.lists.ROUNDS", 1)
    assert {s["id"] for s in cli.json("shipments", "list")} == set(ids)
