"""`relay shipments` works on the database that the settings name."""

import csv
import io
import re
from typing import Any

import pytest

from relay.domain.status import ShipmentState
from relay.errors import Conflict, InvalidLabel, NotFound
from relay.store.polls import PollClaims
from relay.store.shipment_lists import ShipmentLists
from relay.store.shipments import Shipments
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import NOW, Cli, label
from tests.store.making import execute


def test_shipments_are_listed_with_their_state(cli: Cli, ids: list[str]) -> None:
    ran = cli("shipments", "list")
    assert ran.exit_code == 0, ran.output
    for word in (*ids, "O-1", "TN1", "due", "awaiting_number"):
        assert word in ran.stdout


def test_scripts_get_json(cli: Cli, ids: list[str]) -> None:
    found = cli.rows("shipments", "list")
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
        (["--contract", "swift"], 2),
        (["--state", "awaiting_number"], 1),
        (["--limit", "1"], 1),
    ],
)
@pytest.mark.usefixtures("ids")
def test_a_list_is_narrowed_by_its_options(
    cli: Cli, options: list[str], count: int
) -> None:
    assert len(cli.rows("shipments", "list", *options)) == count


def test_a_state_that_does_not_exist_is_refused_by_name(cli: Cli) -> None:
    error = cli("shipments", "list", "--state", "lost").exception
    assert isinstance(error, InvalidLabel)
    assert error.field == "state"
    assert ShipmentState.IN_DOUBT.value in error.hint


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
        call: dict[str, Any] = {
            "call": "c-1",
            "account": "store",
            "kind": "send_tracking_number",
        }
        async with database.writing() as tx:
            await tx.run("store_call", **shipment, **call, body="{}")
            await tx.run(
                "answer_call", call="c-1", now=2, status=400, message="Bad date",
                sent=1, receipt=None,
            )  # fmt: skip
            await tx.run("quarantine_event", shipment=1, event=1, reason="too soon")

    cli.on_database(act)
    ran = cli("shipments", "show", documents[0])
    assert "400 Bad date" in ran.stdout
    assert "quarantined: too soon" in ran.stdout
    assert "event 1 " in ran.stdout
    timeline = cli.json("shipments", "show", documents[0])["timeline"]
    assert timeline["calls"][0]["message"] == "Bad date"


def test_a_stuck_shipment_is_tried_again(cli: Cli, ids: list[str]) -> None:
    async def act(database: SqliteDatabase) -> None:
        async with database.writing() as tx:
            await tx.run("cancel_shipment", shipment=2, now=0)

    cli.on_database(act)
    assert cli("shipments", "retry", ids[0]).exit_code == 0
    notes = cli.json("shipments", "show", ids[0])["timeline"]["notes"]
    assert notes[-1]["text"].startswith("retry requested by")
    refused = cli("shipments", "retry", ids[1])
    assert isinstance(refused.exception, Conflict)


def test_a_cancelled_shipment_says_what_vtex_keeps(cli: Cli, ids: list[str]) -> None:
    async def send_tracking(database: SqliteDatabase) -> None:
        row = {"shipment": 1, "tracking_sent_as": '{"tracking_number": "TN1"}'}
        async with database.writing() as tx:
            await tx.run("accept_tracking", **row)

    cli.on_database(send_tracking)
    ran = cli("shipments", "cancel", ids[0])
    assert ran.exit_code == 0, ran.output
    assert "keeps it" in ran.stderr
    assert cli("shipments", "cancel", ids[1]).stderr == ""
    states = {s["id"]: s["state"] for s in cli.rows("shipments", "list")}
    assert set(states.values()) == {"cancelled"}


@pytest.mark.parametrize("verb", ["show", "retry", "cancel", "poll-now"])
@pytest.mark.usefixtures("ids")
def test_a_shipment_that_is_not_there_is_named(cli: Cli, verb: str) -> None:
    error = cli("shipments", verb, "nothing").exception
    assert isinstance(error, NotFound)
    assert str(error) == "no shipment has this id, order or tracking number"


@pytest.mark.parametrize("verb", ["show", "retry", "cancel"])
@pytest.mark.parametrize("named", ["O-1", "TN1", "tn1"])
def test_an_order_or_a_number_names_a_shipment(
    cli: Cli, ids: list[str], verb: str, named: str
) -> None:
    ran = cli("shipments", verb, named)
    assert ran.exit_code == 0, ran.output
    assert ids[0] in ran.stdout


def test_of_several_shipments_the_id_must_be_given(cli: Cli, ids: list[str]) -> None:
    async def act(database: SqliteDatabase) -> str:
        again = await Shipments(database).register(label("O-9", "TN1"), NOW)
        return again.id

    other: str = cli.on_database(act)

    error = cli("shipments", "cancel", "TN1").exception

    assert isinstance(error, Conflict)
    first, *lines = str(error).splitlines()
    assert first == "matches several shipments; use the id of one:"
    assert set(lines) == {
        f"{ids[0]}  store  O-1  1  TN1  due",
        f"{other}  store  O-9  1  TN1  due",
    }
    assert cli.json("shipments", "show", ids[0])["state"] == "due"


@pytest.mark.usefixtures("ids")
def test_shipments_are_written_to_a_table(cli: Cli, ids: list[str]) -> None:
    ran = cli("shipments", "list", "--csv", "all.csv", "--delimiter", ";")
    assert ran.stdout == "2 rows written to all.csv\n"
    text = (cli.folder / "all.csv").read_text(encoding="utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text), delimiter=";")
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["id"] for row in found] == ids[::-1]
    assert found[1]["contract"] == "swift"
    assert found[1]["registeredAt"] == "2026-08-01 09:00:00-03:00"


def test_shipments_of_an_account_that_is_gone_can_be_listed(
    cli: Cli, ids: list[str]
) -> None:
    environ = {k: v for k, v in cli.environ.items() if "STORE" not in k}
    cli.environ = environ | {
        "RELAY_ACCOUNTS__OTHER__APP_KEY": "k",
        "RELAY_ACCOUNTS__OTHER__APP_TOKEN": "t",
    }
    found = cli.rows("shipments", "list", "--account", "store")
    assert [s["id"] for s in found] == ids[::-1]
    assert cli("shipments", "show", ids[0]).stdout.startswith("Times are in UTC")


@pytest.mark.usefixtures("ids")
def test_in_a_narrow_window_no_id_is_broken(cli: Cli, ids: list[str]) -> None:
    cli.environ["COLUMNS"] = "80"
    shown = cli("shipments", "list").stdout.splitlines()
    assert all(any(line.startswith(id_) for line in shown) for id_ in ids)
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize(
    ("decision", "said"),
    [("released", "Posted; released"), ("dropped", "Posted; dropped")],
)
def test_an_event_that_was_judged_says_how(
    cli: Cli, documents: list[str], decision: str, said: str
) -> None:
    verb = {"released": "release", "dropped": "drop"}[decision]
    assert cli("events", verb, "1").exit_code == 0
    shown = cli("shipments", "show", documents[0]).stdout
    [event, _] = [line for line in shown.splitlines() if "event 1 " in line]
    assert event.endswith(said)
    assert f"event 1 {decision} by " in shown


def test_an_event_of_several_boxes_says_of_which(
    cli: Cli, documents: list[str]
) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(database, "UPDATE shipments SET volumes = 2")

    cli.on_database(act)
    assert "volume 1: picked_up" in cli("shipments", "show", documents[0]).stdout


ASKED = {
    "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
    "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
}


def test_a_shipment_says_when_its_carrier_is_asked(cli: Cli, ids: list[str]) -> None:
    cli.environ |= ASKED
    shown = cli("shipments", "show", ids[0]).stdout
    assert "never: no carrier of it is polled" in shown

    async def begin(database: SqliteDatabase) -> None:
        await PollClaims(database).begin(["swift"], NOW)

    cli.on_database(begin)
    shown = cli("shipments", "show", ids[0]).stdout
    assert "2026-08-01 09:30:00 (contract swift, volume 1)" in shown
    [poll] = cli.json("shipments", "show", ids[0])["polls"]
    assert poll == {
        "contract": "swift",
        "volume": 1,
        "polledAt": None,
        "nextPollAt": "2026-08-01T12:30:00Z",
        "damage": None,
    }
    cli("shipments", "cancel", ids[0])
    shown = cli("shipments", "show", ids[0]).stdout
    assert "never, the shipment is closed (contract swift, volume 1)" in shown


def test_a_list_goes_on_until_it_is_long_enough(
    cli: Cli, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that looks at two rows only has a next one, and that another."""
    monkeypatch.setattr(
        ShipmentLists.__init__, "__kwdefaults__", {"batch": 1, "rounds": 1}
    )
    assert {s["id"] for s in cli.rows("shipments", "list")} == set(ids)


def test_changes_are_followed_with_the_printed_cursor(cli: Cli, ids: list[str]) -> None:
    first = cli("shipments", "list", "--updated-since", "2020-01-01")
    assert first.exit_code == 0, first.output
    assert all(id_ in first.output for id_ in ids)
    found = re.search(r"later changes: --cursor (\S+)\)", first.output)
    assert found is not None
    assert cli.rows("shipments", "list", "--cursor", found[1]) == []
    assert cli("shipments", "cancel", ids[0]).exit_code == 0
    (row,) = cli.rows("shipments", "list", "--cursor", found[1])
    assert (row["id"], row["state"]) == (ids[0], "cancelled")
