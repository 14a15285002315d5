"""Which order a quarantined event names, and in which document."""

import csv
import io
from typing import Any

import pytest

from relay.adapters.protocol import Document
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from tests.cli.conftest import NOW, Cli

BY_NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="TN1")
ORDER = Reference(kind=ReferenceKind.ORDER_ID, value="another-01")
INVOICE = Reference(kind=ReferenceKind.INVOICE, value="11222333000181/1/56")
REASON = "names another order, invoice or key than the label"
NAMED = [
    {
        "document": 1,
        "references": [
            {"type": "orderId", "value": "ANOTHER-01"},
            {"type": "invoice", "value": "11222333000181/1/56"},
        ],
        "deniesDelivery": False,
    },
    {"document": 3, "references": [], "deniesDelivery": False},
]
IN_WORDS = (
    "document 1: orderId ANOTHER-01, invoice 11222333000181/1/56; document 3: none"
)


@pytest.fixture
def quarantined(cli: Cli, ids: list[str]) -> str:
    """Quarantine a delivery that one of three documents says is of another order."""
    lists = [(BY_NUMBER, ORDER, INVOICE), (BY_NUMBER,), (BY_NUMBER,)]

    async def act(database: SqliteDatabase) -> None:
        store = Documents(database)
        await store.keep(
            [Document(b"{}", NOW, contract="swift", source="poll") for _ in lists]
        )
        async with store.slice(10, 10_000) as piece:
            readings = [
                ParsedDocument(document.number, "swift", NOW, (delivery(references),))
                for document, references in zip(piece.documents, lists, strict=True)
            ]
            await piece.store_events(readings, NOW, ReaderTerms(Pace(), {}))
        async with database.writing() as tx:
            await tx.run("quarantine_event", shipment=1, event=1, reason=REASON)

    cli.on_database(act)
    return ids[0]


def delivery(references: tuple[Reference, ...]) -> TrackingEvent:
    return TrackingEvent(
        references=references,
        milestone=Milestone.DELIVERED,
        occurred_at=NOW,
        carrier_code="DL",
    )


@pytest.mark.usefixtures("quarantined")
def test_the_list_says_what_each_document_names(cli: Cli) -> None:
    [row] = cli.rows("lists", "quarantined")
    assert row["namedIn"] == NAMED
    assert "ANOTHER-01" in cli("lists", "quarantined").stdout
    text = cli("lists", "quarantined", "--csv", "-").stdout
    table = list(csv.DictReader(io.StringIO(text)))
    assert [line["namedIn"] for line in table] == [IN_WORDS]


def test_the_shipment_says_what_each_document_names(cli: Cli, quarantined: str) -> None:
    shown: dict[str, Any] = cli.json("shipments", "show", quarantined)
    [event] = shown["timeline"]["events"]
    assert event["namedIn"] == NAMED
    shown_text = cli("shipments", "show", quarantined).stdout
    assert f"quarantined: {REASON} ({IN_WORDS})" in " ".join(shown_text.split())


def test_an_event_that_was_decided_is_short(cli: Cli, quarantined: str) -> None:
    assert cli("events", "drop", "1").exit_code == 0
    shown: dict[str, Any] = cli.json("shipments", "show", quarantined)
    [event] = shown["timeline"]["events"]
    assert event["namedIn"] == []
