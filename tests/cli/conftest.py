"""A command line, and a database with something in it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from relay.adapters.protocol import Document
from relay.cli import app
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.domain.labels import Label, LabelParcel
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.shipments import Shipments
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


@dataclass
class Cli:
    """Runs commands in this process, with the settings of one small relay."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "relay.db"

    def __call__(self, *arguments: str, **more: str) -> Result:
        environ = self.environ | {f"RELAY_{n}": v for n, v in more.items()}
        return CliRunner().invoke(app, list(arguments), env=environ)

    def json(self, *arguments: str) -> Any:
        ran = self(*arguments, "--json")
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    def rows(self, *arguments: str) -> list[Any]:
        """Return the rows of a list, which its JSON has under one name."""
        page = self.json(*arguments)
        (rows,) = (value for value in page.values() if isinstance(value, list))
        return rows

    def on_database(self, act: Callable[[SqliteDatabase], Awaitable[Any]]) -> Any:
        async def acted() -> Any:
            database = SqliteDatabase(self.file)
            await database.open()
            try:
                return await act(database)
            finally:
                await database.close()

        return asyncio.run(acted())


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    environ = {
        "RELAY_DATABASE": f"sqlite:///{tmp_path / 'relay.db'}",
        "RELAY_ACCOUNTS__STORE__APP_KEY": "key-of-the-store",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "token-of-the-store",
        "COLUMNS": "250",
    }
    return Cli(tmp_path, environ)


def label(order: str, number: str | None) -> Label:
    return Label(
        account="store",
        contract="swift",
        order_id=order,
        invoice_number="1",
        parcels=(LabelParcel(tracking_number=number),),
        send_tracking=number,
    )


@pytest.fixture
def ids(cli: Cli) -> list[str]:
    """Register two labels, one of them without a number yet."""

    async def act(database: SqliteDatabase) -> list[str]:
        labels = Shipments(database)
        return [
            (await labels.register(label(order, number), NOW)).id
            for order, number in (("O-1", "TN1"), ("O-2", None))
        ]

    found: list[str] = cli.on_database(act)
    return found


@pytest.fixture
def documents(cli: Cli, ids: list[str]) -> list[str]:
    """Keep a document that was read and one that could not be."""
    kept = [
        Document(body, NOW, contract="swift", source="webhook")
        for body in (b'{"n": "TN1"}', b"\xff")
    ]
    event = TrackingEvent(
        references=(Reference(kind=ReferenceKind.TRACKING_NUMBER, value="TN1"),),
        milestone=Milestone.PICKED_UP,
        occurred_at=NOW,
        carrier_code="PU",
        description="Posted",
    )

    async def act(database: SqliteDatabase) -> None:
        store = Documents(database)
        await store.keep(kept)
        async with store.slice(10, 10_000) as piece:
            first, second = piece.documents
            readings = [
                ParsedDocument(first.number, "swift", NOW, (event,)),
                ParsedDocument(second.number, "swift", NOW, unreadable="no JSON"),
            ]
            await piece.store_events(readings, NOW, ReaderTerms(Pace(), {}))

    cli.on_database(act)
    return ids
