"""Values at the edge: placeholder dates, very long texts, events that do not exist."""

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from relay.adapters.protocol import Document
from relay.cli.output import local
from relay.clock import in_zone
from relay.domain.contradictions import DROPPED, WITHDRAWN
from relay.domain.events import (
    Milestone,
    Reference,
    ReferenceKind,
    TrackingEvent,
    as_written,
    utc,
)
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from tests.cli.conftest import NOW, Cli
from tests.store.making import execute

BY_NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="TN1")
LONG = "Objeto " + "muito " * 500 + "longe"


@pytest.fixture
def quarantined(cli: Cli, ids: list[str]) -> str:
    """Quarantine an event without a date, whose text is very long."""
    event = TrackingEvent(
        references=(BY_NUMBER,),
        milestone=Milestone.DELIVERED,
        occurred_at=datetime(1, 1, 1, tzinfo=UTC),
        carrier_code="DL",
        description=LONG,
    )

    async def act(database: SqliteDatabase) -> None:
        store = Documents(database)
        await store.keep([Document(b"{}", NOW, contract="swift", source="poll")])
        async with store.slice(10, 10_000) as piece:
            number = piece.documents[0].number
            parsed = ParsedDocument(number, "swift", NOW, (event,))
            await piece.store_events([parsed], NOW, ReaderTerms(Pace(), {}))
        async with database.writing() as tx:
            # By its number it is too old; by a key of its invoice it would match.
            link = {"shipment": 1, "event": 1, "volume": 1, "ambiguous": 0}
            await tx.run("match_event", **link, decision=None)
            await tx.run("quarantine_event", shipment=1, event=1, reason="no date")

    cli.on_database(act)
    return ids[0]


def test_a_missing_date_is_shown_as_it_came(cli: Cli, quarantined: str) -> None:
    for command in (("lists", "quarantined"), ("shipments", "show", quarantined)):
        shown = cli(*command).stdout
        assert "0001-01-01 00:00:00" in shown
        assert "0001-12-31" not in shown
        assert "0002-" not in shown
    [row] = cli.rows("lists", "quarantined")
    assert row["occurredAt"] == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00+00:00"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "9999-12-31T00:00:00+00:00"),
    ],
)
def test_a_placeholder_has_one_date_in_every_zone(
    zone: str, written: datetime, shown: str
) -> None:
    found = in_zone(as_written(utc(written)), ZoneInfo(zone))
    assert found.isoformat() == shown
    assert local(as_written(utc(written)), ZoneInfo(zone)) == found


def test_other_times_are_in_the_zone() -> None:
    at = datetime(2026, 8, 1, 12, tzinfo=UTC)
    assert as_written(at) is at
    assert in_zone(at, ZoneInfo("America/Sao_Paulo")).hour == 9


def test_a_very_long_text_is_cut_in_tables_only(cli: Cli, quarantined: str) -> None:
    for command in (("lists", "quarantined"), ("shipments", "show", quarantined)):
        shown = cli(*command).stdout
        assert "Objeto muito" in shown
        assert "…" in shown
        assert len(shown) < 3000
    assert cli.rows("lists", "quarantined")[0]["description"] == LONG
    text = cli("lists", "quarantined", "--csv", "-").stdout
    assert [r["description"] for r in csv.DictReader(io.StringIO(text))] == [LONG]


@pytest.mark.parametrize("command", ["release", "drop"])
@pytest.mark.usefixtures("quarantined")
def test_an_event_that_does_not_exist_is_named(cli: Cli, command: str) -> None:
    ran = cli("events", command, "99999")
    assert ran.exit_code != 0
    assert str(ran.exception).startswith("there is no event 99999")


@pytest.mark.usefixtures("quarantined")
def test_an_event_without_a_shipment_says_so(cli: Cli) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(database, "DELETE FROM event_parcels")

    cli.on_database(act)
    found = cli("events", "drop", "1").exception
    assert str(found) == "event 1 matches no shipment"


@pytest.mark.parametrize(
    ("reason", "drops"), [(DROPPED, False), (WITHDRAWN, False), ("event 7 of …", True)]
)
def test_a_delivery_that_is_gone_already_is_not_to_be_dropped_again(
    cli: Cli, ids: list[str], reason: str, drops: bool
) -> None:
    async def act(database: SqliteDatabase) -> None:
        await execute(
            database,
            "UPDATE shipments SET contradicted_at = 0, contradicted_reason = "  # noqa: S608
            f"'{reason}' WHERE shipment = 1",
        )

    cli.on_database(act)
    shown = cli("lists", "contradicted").stdout
    assert f"relay shipments resend {ids[0]} --force" in shown
    assert ("relay events drop" in shown) is drops
