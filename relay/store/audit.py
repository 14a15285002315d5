"""What operators changed: stored after the change, and listed for the console."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.codec import dumps
from relay.store.database import Database, Row

_LAST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change: who did what, through which channel, to what, and why."""

    did: str
    by: str
    through: str
    reason: str = ""
    account: str | None = None
    contract: str | None = None
    shipment_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Audit:
    """The stored changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: AuditRecord, now: datetime) -> None:
        """Store a change."""
        async with self._database.writing() as tx:
            await tx.run(
                "add_audit_entry",
                done_at=micros(now),
                by_whom=record.by,
                through=record.through,
                did=record.did,
                account=record.account,
                contract=record.contract,
                shipment_id=record.shipment_id,
                reason=record.reason,
                details=dumps(record.details),
            )

    async def page(
        self, before: int | None, limit: int, shipment_id: str | None = None
    ) -> Sequence[Row]:
        """Return changes, the newest first, of one shipment or of all."""
        values: dict[str, Any] = {"before": before or _LAST, "limit": limit}
        async with self._database.reading() as tx:
            if shipment_id is None:
                return await tx.rows("audit_page", **values)
            return await tx.rows("audit_of_shipment", shipment_id=shipment_id, **values)
