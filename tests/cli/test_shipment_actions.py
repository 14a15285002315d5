"""`relay shipments resend` and `relay erase` work on the database directly."""

import pytest

from relay.errors import NotFound
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli
from tests.cli.test_import_labels import SWIFT


def test_a_shipment_is_told_again(cli: Cli, ids: list[str]) -> None:
    ran = cli("shipments", "resend", ids[0], "--what", "events", **SWIFT)
    assert ran.exit_code == 0, ran.output
    assert f"{ids[0]}: due" in ran.stdout
    assert "twice" in ran.stderr
    notes = cli.json("shipments", "show", ids[0])["timeline"]["notes"]
    assert notes[-1]["text"].startswith("resend of events requested by")


@pytest.mark.usefixtures("ids")
def test_a_shipment_that_is_not_there_cannot_be_told_again(cli: Cli) -> None:
    ran = cli("shipments", "resend", "nothing", **SWIFT)
    assert isinstance(ran.exception, NotFound)


def test_an_order_is_forgotten_for_good(cli: Cli, documents: list[str]) -> None:
    ran = cli("erase", "store", "O-1", "--yes")
    assert ran.exit_code == 0, ran.output
    assert "erased: 1 shipments, 1 documents, 1 events" in ran.stdout
    assert ran.stderr == ""
    shown = cli.json("shipments", "show", documents[0])
    assert shown["closedReason"] == "erased"
    log = cli.file.with_name("relay.db-wal")
    assert not log.exists() or not log.stat().st_size


@pytest.mark.usefixtures("ids")
def test_nothing_is_forgotten_without_a_yes(cli: Cli) -> None:
    ran = cli("erase", "store", "O-1")
    assert ran.exit_code == 1
    assert cli.rows("shipments", "list", "--order", "O-1")[0]["state"] == "due"


@pytest.mark.usefixtures("ids")
def test_an_order_that_is_not_there_is_named(cli: Cli) -> None:
    ran = cli("erase", "store", "O-9", "--yes")
    assert isinstance(ran.exception, NotFound)


@pytest.mark.usefixtures("ids")
def test_a_log_that_somebody_reads_is_emptied_later(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_: SqliteDatabase, *, truncate: bool) -> bool:
        return not truncate

    monkeypatch.setattr(SqliteDatabase, "checkpoint", busy)
    ran = cli("erase", "store", "O-1", "--yes")
    assert "still holds it" in ran.stderr
