"""What stands in the store before something is measured."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from relay.adapters.protocol import Document
from relay.clock import utcnow
from relay.domain.labels import Label, LabelParcel
from relay.store.documents import Documents
from relay.store.shipments import Shipments
from relay.store.sqlite import SqliteDatabase
from tests.benchmarks.webhooks import (
    ACCOUNT,
    CONTRACT,
    INVOICE,
    order_id,
    tracking_number,
)

BATCH: Final = 500
"""Documents that share a transaction."""


def label(number: int) -> Label:
    """Return what the ERP knows of shipment *number*."""
    tracking_sent = tracking_number(number)
    return Label(
        account=ACCOUNT,
        contract=CONTRACT,
        order_id=order_id(number),
        invoice_number=INVOICE,
        parcels=(LabelParcel(tracking_sent),),
        send_tracking=tracking_sent,
        tracking_url=f"https://carrier.example/{tracking_sent}",
        courier="A Carrier",
    )


async def registered(folder: Path, shipments: int) -> None:
    """Print the labels of shipments, before a relay uses the database."""
    database = SqliteDatabase(folder / "relay.db", synchronous="OFF")
    await database.open()
    labels = Shipments(database)
    for number in range(shipments):
        await labels.register(label(number), utcnow())
    await database.close()


async def kept(documents: Documents, bodies: Iterable[bytes]) -> None:
    """Keep what a carrier said, for the reader to find."""
    now = utcnow()
    batch: list[Document] = []
    for body in bodies:
        batch.append(Document(body, now, contract=CONTRACT, source="webhook"))
        if len(batch) == BATCH:
            await documents.keep(batch)
            batch = []
    if batch:
        await documents.keep(batch)
