"""The last handshake of each contract: proof that its carrier reached the address."""

from datetime import datetime

from relay.clock import micros
from relay.store.database import Database


class Handshakes:
    """Times of handshakes in the database: one row per contract."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, contract: str, answered_at: datetime) -> None:
        """Store when a contract's carrier last tested the address."""
        async with self._database.writing() as tx:
            await tx.run(
                "store_handshake", contract=contract, answered_at=micros(answered_at)
            )

    async def all(self) -> dict[str, int]:
        """Return the last handshake of every contract that had one, by name.

        Times are microseconds, as stored: a damaged one must not hide the others.
        """
        async with self._database.reading() as tx:
            found = await tx.rows("list_handshakes")
        return {r["contract"]: r["answered_at"] for r in found}
