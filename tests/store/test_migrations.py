"""What an older relay stored is there after the migrations of a newer one."""

import sqlite3
from pathlib import Path

import pytest

from relay.clock import micros
from relay.store.database import migrations
from relay.store.sqlite import SqliteDatabase
from tests.support.clock import START
from tests.support.way_in import everything

BEFORE_POLLS_OF_PARCELS = 4
ANSWERED = micros(START) + 1
DUE = micros(START) + 2


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Make a database as a relay left it that asked one carrier for each parcel."""
    path = tmp_path / "relay.db"
    connection = sqlite3.connect(path)
    for number, script in migrations("sqlite"):
        if number <= BEFORE_POLLS_OF_PARCELS:
            connection.executescript(script)
    connection.execute(
        "INSERT INTO shipments (shipment, id, account, order_id, invoice_number,"
        " contract, volumes, registered_at)"
        " VALUES (1, 'a', 'store', 'v1-01', '1', 'acme', 1, ?)",
        [micros(START)],
    )
    connection.execute(
        "INSERT INTO parcels (shipment, volume, contract, tracking_number,"
        " registered_at, polled_at, poll_at, poll_lane, subscribe_at)"
        " VALUES (1, 1, 'acme', 'AC1', ?, ?, ?, 1, ?)",
        [micros(START), ANSWERED, DUE, DUE],
    )
    connection.execute(f"PRAGMA user_version = {BEFORE_POLLS_OF_PARCELS}")
    connection.commit()
    connection.close()
    return path


async def test_parcels_keep_their_turn_to_be_asked_for(older: Path) -> None:
    database = SqliteDatabase(older)
    await database.open()
    (poll,) = await everything(database, "parcel_polls")
    (parcel,) = await everything(database, "parcels")
    await database.close()
    assert (poll["shipment"], poll["contract"], poll["volume"]) == (1, "acme", 1)
    assert (poll["tracking_number"], poll["poll_lane"]) == ("AC1", 1)
    turn = (poll["polled_at"], poll["poll_at"], poll["subscribe_at"])
    assert turn == (ANSWERED, DUE, DUE)
    assert "poll_at" not in parcel


async def test_whoever_closes_a_shipment_of_then_ends_its_polls(older: Path) -> None:
    database = SqliteDatabase(older)
    await database.open()
    async with database.writing() as tx:
        await tx.run("cancel_shipment", shipment=1, now=DUE)
    (poll,) = await everything(database, "parcel_polls")
    await database.close()
    assert (poll["poll_at"], poll["subscribe_at"]) == (None, None)
