"""Who changed what, when and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.clock import moment
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.models import ResponseModel
from relay.store.audit import Audit
from relay.store.codec import loads
from relay.store.database import Row

PAGE: Final = 50
MOST_READ: Final = 20
"""Pages that are read to fill one for a caller who does not see all accounts."""


class AuditLine(ResponseModel):
    """One change: who did what, by which channel, to what, and why."""

    id: int
    at: datetime
    by: str
    through: str
    did: str
    account: str | None
    contract: str | None
    shipment_id: str | None
    reason: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Changes, the newest first; `next` is the number before which it goes on."""

    entries: tuple[AuditLine, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class AuditService:
    """Reads the changes; a limited caller sees those of their accounts."""

    context: ServiceContext

    async def page(self, caller: Caller, before: int | None = None) -> AuditPage:
        """Return a page of changes before number *before*."""
        found: list[AuditLine] = []
        for _ in range(MOST_READ):
            rows = await Audit(self.context.database).page(before, PAGE)
            found += [_line(row) for row in rows if _is_visible(caller, row)]
            if len(rows) < PAGE:
                return AuditPage(tuple(found), None)
            before = rows[-1]["entry"]
            if len(found) >= PAGE:
                break
        return AuditPage(tuple(found), before)

    async def of_shipment(self, caller: Caller, id_: str) -> tuple[AuditLine, ...]:
        """Return the latest changes of a shipment."""
        rows = await Audit(self.context.database).page(None, PAGE, id_)
        return tuple(_line(row) for row in rows if _is_visible(caller, row))


def _is_visible(caller: Caller, row: Row) -> bool:
    """Whether a caller may see a change; one without account is for unlimited ones."""
    if caller.accounts is None:
        return True
    return row["account"] is not None and caller.sees(row["account"])


def _line(row: Row) -> AuditLine:
    names = ("through", "did", "account", "contract", "shipment_id", "reason")
    return AuditLine(
        **{name: row[name] for name in names},
        id=row["entry"],
        at=moment(row["done_at"]),
        by=row["by_whom"],
        details=loads(row["details"]),
    )
