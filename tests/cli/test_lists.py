"""`relay lists`, and what is done about many things at once."""

import codecs
import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from relay.errors import InvalidLabel, NotFound
from relay.service.spreadsheets import cell
from relay.store import bulk
from relay.store.sqlite import SqliteDatabase
from relay.store.worklist_queries import WorkList
from tests.cli.conftest import Cli
from tests.store.making import execute


@pytest.fixture
def stuck(cli: Cli, documents: list[str]) -> list[str]:
    """Make both shipments stuck, and the event of the first one doubtful."""

    async def act(database: SqliteDatabase) -> None:
        why = "stuck_reason = '=Bad date', stuck_at = 0"
        await execute(database, f"UPDATE shipments SET {why}")  # noqa: S608
        async with database.writing() as tx:
            await tx.run("quarantine_event", shipment=1, event=1, reason="too soon")

    cli.on_database(act)
    return documents


@pytest.mark.parametrize("name", [*WorkList])
@pytest.mark.usefixtures("stuck")
def test_every_list_is_shown_as_table_json_and_csv(cli: Cli, name: str) -> None:
    assert cli("lists", name).exit_code == 0
    found = cli.rows("lists", name)
    table = list(csv.reader(io.StringIO(cli("lists", name, "--csv", "-").stdout)))
    assert len(table) == len(found) + 1
    for row in found:  # The names are those of the JSON fields.
        assert sorted(table[0]) == sorted(row)


def test_a_table_for_spreadsheets_holds_no_formula(
    cli: Cli, stuck: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "stuck.csv"

    ran = cli("lists", "stuck", "--csv", str(file))

    assert (ran.exit_code, ran.stdout) == (0, f"2 rows written to {file}\n")
    assert file.read_bytes().startswith(codecs.BOM_UTF8)
    head, *lines = csv.reader(file.read_text(encoding="utf-8-sig").splitlines())
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    assert [r["id"] for r in rows] == stuck[::-1]
    assert {r["stuckReason"] for r in rows} == {"'=Bad date"}
    assert {r["since"] for r in rows} == {"1969-12-31 21:00:00-03:00"}


@pytest.mark.usefixtures("stuck")
def test_a_file_that_cannot_be_written_is_named(cli: Cli, tmp_path: Path) -> None:
    ran = cli("lists", "stuck", "--csv", str(tmp_path))
    assert ran.exit_code == 2
    assert "cannot write" in ran.stderr


def test_a_list_that_does_not_exist_is_refused_by_name(cli: Cli) -> None:
    ran = cli("lists", "odd")
    assert ran.exit_code == 2
    assert "unknown-codes" in ran.stderr


@pytest.mark.usefixtures("stuck")
def test_a_list_is_no_longer_than_asked_for(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.cli.session.MOST", 1)
    assert len(cli.rows("lists", "stuck")) == 2
    assert len(cli.rows("lists", "stuck", "--limit", "1")) == 1
    assert "only the first 1" in cli("lists", "stuck", "--limit", "1").stderr


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (None, ""),
        (7, "7"),
        (-7, "-7"),
        ("BR1", "BR1"),
        ("=1+1", "'=1+1"),
        (" +1", "' +1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\rx", "'\rx"),
        ("\uff1d1", "'\uff1d1"),
        (("=a", "b"), "'=a; b"),
        (datetime(2026, 8, 1, 12, tzinfo=UTC), "2026-08-01 12:00:00+00:00"),
    ],
)
def test_a_cell_is_what_it_was_and_never_a_formula(value: Any, spelled: str) -> None:
    assert cell(value) == spelled


@pytest.mark.usefixtures("documents")
def test_references_are_words_in_a_table(cli: Cli) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(database, "UPDATE events SET via = NULL")

    cli.on_database(act)
    assert "trackingNumber TN1" in cli("lists", "unmatched").stdout


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], 2),
        (["--reason", "bad DATE"], 2),
        (["--reason", "other"], 0),
        (["--account", "store"], 2),
        (["--contract", "swift"], 2),
    ],
)
def test_all_stuck_shipments_that_fit_are_tried_again(
    cli: Cli, stuck: list[str], options: list[str], count: int
) -> None:
    ran = cli("shipments", "retry", "--all-stuck", *options)
    assert ran.stdout == f"{count} stuck shipments are due.\n"
    assert len(cli.rows("lists", "stuck")) == len(stuck) - count


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (["lists", "unmatched"], ["--contract", "--account"]),
        (["lists", "late"], ["--contract", "--account"]),
        (["shipments", "list"], ["--contract", "--account"]),
        (["shipments", "retry", "--all-stuck"], ["--contract", "--account"]),
        (["documents", "replay", "--all"], ["--contract"]),
    ],
)
@pytest.mark.usefixtures("stuck")
def test_a_mistyped_name_is_refused_with_those_that_there_are(
    cli: Cli, command: list[str], options: list[str]
) -> None:
    for option in options:
        error = cli(*command, option, "zzz").exception
        assert isinstance(error, InvalidLabel)
        assert error.field == option.removeprefix("--")
        known = {"contract": "none", "account": "store"}[error.field]
        assert error.hint == f"configured: {known}"


@pytest.mark.parametrize(
    ("given", "sign"), [(";", ";"), ("tab", "\t"), ("\\t", "\t"), (",", ",")]
)
@pytest.mark.usefixtures("stuck")
def test_cells_stand_apart_as_asked_for(cli: Cli, given: str, sign: str) -> None:
    ran = cli("lists", "stuck", "--csv", "-", "--delimiter", given)
    assert ran.stdout.startswith(f"id{sign}account{sign}")


@pytest.mark.parametrize("given", ["", "x", "::", '"', " "])
def test_what_cannot_stand_between_cells_is_refused(cli: Cli, given: str) -> None:
    ran = cli("lists", "stuck", "--csv", "-", "--delimiter", given)
    assert ran.exit_code == 2
    assert "use one character" in ran.stderr


STEPS = {
    "stuck": "relay shipments retry {id}",
    "quarantined": "relay events release 1",
    "unmatched": "relay shipments list --contract swift",
    "unreadable": "relay documents replay 2",
    "unknown-codes": "relay codes map swift PU in_transit --why TEXT --dry-run",
    "late": "relay shipments poll-now TN1",
    "silent": "relay shipments poll-now TN1",
    "waiting": "relay shipments cancel {id}",
}


@pytest.mark.usefixtures("documents")
def test_a_text_without_a_code_is_mapped_by_a_text_rule(cli: Cli) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(database, "UPDATE events SET code = '', unmapped = 1")

    cli.on_database(act)
    shown = cli("lists", "unknown-codes").stdout
    assert "text_rules of [contracts.swift]" in shown
    assert "relay documents replay --all --contract swift" in shown


@pytest.mark.parametrize("name", [*STEPS])
@pytest.mark.parametrize("width", ["80", "300"])
@pytest.mark.usefixtures("stuck")
def test_a_list_says_what_helps_and_an_empty_one_nothing(
    cli: Cli, name: str, width: str
) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(database, f"UPDATE shipments SET {MADE.get(name, 'lane = 0')}")  # noqa: S608
        if name in {"unmatched", "unknown-codes"}:
            await execute(database, "UPDATE events SET via = NULL, unmapped = 1")

    cli.on_database(act)
    found = cli.rows("lists", name)
    ids = [row.get("id") for row in found]
    assert found
    cli.environ["COLUMNS"] = width
    shown = cli("lists", name).stdout
    [step] = [line for line in shown.splitlines() if line.startswith("Next: ")]
    assert STEPS[name].format(id=ids[0]) in step
    assert all(len(line) <= int(width) for line in shown.splitlines()[:-2])


MADE = {
    "late": "promised_on = '2026-01-01', shipment = shipment",
    "silent": "last_event_at = 0",
    "waiting": "stuck_reason = NULL, stuck_at = NULL, due_at = 1, "
    "tracking_number = 'TN1', waiting_reason = 'VTEX answered 404: Order Not Found', "
    "not_before = 32503680000000000",
}


@pytest.mark.usefixtures("stuck")
def test_what_only_waits_for_time_is_not_to_be_cancelled(cli: Cli) -> None:
    async def act(database: SqliteDatabase) -> None:
        waiting = MADE["waiting"].replace("404: Order Not Found", "401: Unauthorized")
        await execute(database, f"UPDATE shipments SET {waiting}")  # noqa: S608

    cli.on_database(act)
    shown = cli("lists", "waiting").stdout
    assert "cancel" not in shown
    assert (
        "Next: nothing: published later automatically; see relay accounts list" in shown
    )


@pytest.mark.usefixtures("ids")
def test_an_empty_list_has_no_next_step(cli: Cli) -> None:
    assert "Next" not in cli("lists", "quarantined").stdout


@pytest.mark.usefixtures("stuck")
def test_a_reason_has_its_times_in_the_stores_zone(cli: Cli) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(database, f"UPDATE shipments SET {MADE['waiting']}")  # noqa: S608

    cli.on_database(act)
    for command in (["lists", "waiting"], ["shipments", "list"]):
        shown = cli(*command).stdout
        assert "Times are in America/Sao_Paulo." in shown
        assert "Order Not Found (until 2999-12-31 21:00:00)" in shown
    [waiting, _] = cli.rows("lists", "waiting")
    assert waiting["why"] == (
        "VTEX answered 404: Order Not Found (until 3000-01-01T00:00:00+00:00)"
    )


@pytest.mark.parametrize(
    "command",
    [
        ["shipments", "retry"],
        ["shipments", "retry", "x", "--all-stuck"],
        ["documents", "replay"],
        ["documents", "replay", "1", "--all"],
    ],
)
def test_one_or_all_must_be_said(cli: Cli, command: list[str]) -> None:
    ran = cli(*command)
    assert ran.exit_code == 2
    assert "give the" in ran.stderr


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], "2 documents"),
        (["--unreadable"], "1 document"),
        (["--contract", "swift"], "2 documents"),
        (["--since", "2026-08-01T12:00:00"], "2 documents"),
        (["--since", "2026-08-02"], "0 documents"),
    ],
)
@pytest.mark.usefixtures("documents")
def test_all_documents_that_fit_are_read_again(
    cli: Cli, options: list[str], count: str
) -> None:
    ran = cli("documents", "replay", "--all", *options)
    assert ran.stdout == f"{count} will be parsed again by a running relay.\n"


@pytest.mark.usefixtures("documents")
def test_progress_is_said_slice_by_slice(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk.Bulk.__init__, "__defaults__", (1,))
    monkeypatch.setattr("relay.service.documents.SLICES", 1)
    ran = cli("documents", "replay", "--all")
    assert ran.stderr.splitlines()[-2:] == ["1 so far", "2 so far"]


@pytest.mark.parametrize(
    ("verb", "decision"), [("release", "released"), ("drop", "dropped")]
)
def test_a_doubtful_event_is_judged(
    cli: Cli, stuck: list[str], verb: str, decision: str
) -> None:
    ran = cli("events", verb, "1")
    assert ran.stdout == f"event 1 {decision} for {stuck[0]}\n"
    assert cli.rows("lists", "quarantined") == []
    notes = cli.json("shipments", "show", stuck[0])["timeline"]["notes"]
    assert notes[-1]["text"].startswith(f"event 1 {decision} by ")


@pytest.mark.usefixtures("ids")
def test_an_event_that_is_not_there_is_named(cli: Cli) -> None:
    assert isinstance(cli("events", "drop", "9").exception, NotFound)
