"""A store with a label and its scans, and a way to look into any table."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from relay.adapters.protocol import Document
from relay.clock import micros
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.domain.labels import Label, LabelParcel
from relay.store.claims import Claims
from relay.store.database import Database, Row
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.shipments import Shipments
from relay.store.snapshots import Change, Claim, ClaimTerms, Limits
from relay.store.unread import ReaderTerms

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NOTHING: tuple[Change, ...] = ()


async def execute(database: Database, sql: str) -> list[dict[str, Any]]:
    """Run one statement as it is: to look into tables, and to age what is there."""
    async with database.writing() as tx:
        connection = tx._connection  # type: ignore[attr-defined]  # noqa: SLF001
        if database.dialect == "sqlite":
            found = await connection.execute_fetchall(sql)
        else:
            found = await connection.fetch(sql)
    return [dict(row) for row in found]


async def count(database: Database, *tables: str) -> dict[str, int]:
    """Count the rows of tables."""
    return {
        table: (await execute(database, f"SELECT count(*) AS n FROM {table}"))[0]["n"]  # noqa: S608
        for table in tables
    }


async def shipment(database: Database, order: str = "1-01") -> dict[str, Any]:
    """Return the row of an order's only shipment."""
    sql = f"SELECT * FROM shipments WHERE order_id = '{order}'"  # noqa: S608
    (row,) = await execute(database, sql)
    return row


async def register(
    database: Database, number: str, order: str = "1-01", now: datetime = START
) -> str:
    """Register a label with one parcel, announced already; return its id."""
    label = Label(
        account="store",
        contract="acme",
        order_id=order,
        invoice_number="55",
        parcels=(LabelParcel(number),),
        send_tracking=number,
        tracking_url=f"https://acme.example/{number}",
        tracking_sent=True,
        given=frozenset({"tracking_number"}),
    )
    return (await Shipments(database).register(label, now)).id


def scan(
    number: str, at: datetime, milestone: Milestone = Milestone.IN_TRANSIT, **more: Any
) -> TrackingEvent:
    """Return an event of one parcel."""
    values = {"description": "on its way", "city": "Salto", "state": "SP"} | more
    return TrackingEvent(
        references=(Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number),),
        milestone=milestone,
        occurred_at=at,
        carrier_code=values.pop("code", milestone.value),
        **values,
    )


async def keep(database: Database, now: datetime, body: bytes = b"a body") -> None:
    """Keep one document."""
    await Documents(database).keep(
        [Document(body, now, contract="acme", source="webhook")]
    )


async def read(
    database: Database,
    *events: TrackingEvent,
    now: datetime = START,
    unreadable: str | None = None,
) -> None:
    """Keep one document, and read it as these events."""
    await keep(database, now)
    terms = ReaderTerms(Pace(), {})
    async with Documents(database).slice(10, 1 << 20) as taken:
        readings = [
            ParsedDocument(
                d.number, d.contract, d.received_at, events, unreadable=unreadable
            )
            for d in taken.documents
        ]
        await taken.store_events(readings, now, terms)


def refuse(_row: Row, error: Exception) -> NoReturn:
    """Raise what made a shipment fail: none does here."""
    raise error


async def claim(
    database: Database,
    now: datetime,
    begin: Callable[[Claim], Sequence[Change]] = lambda _: NOTHING,
) -> list[Claim]:
    """Claim all that is due."""
    taking = ClaimTerms(
        "store", 9, "lease", now + timedelta(minutes=1), Limits(99, 99, 99)
    )
    return await Claims(database).claim(taking, now, begin, refuse)


async def to_rest(database: Database, now: datetime) -> None:
    """Settle every shipment, as if VTEX had been told all there is."""
    nothing = (
        "due_at = NULL, events_due_at = NULL, events_waiting_since = NULL, lease = NULL"
    )
    more = f"not_before = NULL, tried_at = {micros(now)}"
    await execute(database, f"UPDATE shipments SET {nothing}, {more}")  # noqa: S608
