"""What people say that carriers' codes mean, with who, when and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.codec import dumps, loads
from relay.store.database import Database, Row, Transaction

_LAST: Final = (1 << 63) - 1
Meanings = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Rows of code tables, as in settings, by contract and code."""
MappingVersion = tuple[int, int]
"""How many mappings were made and removed: it changes with every change of them."""


@dataclass(frozen=True, slots=True)
class MappedCodes:
    """The mappings that count, and their version."""

    version: MappingVersion = (0, 0)
    of_contracts: Meanings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MappingChange:
    """A change of what a code of a contract means: who makes it, when and why."""

    contract: str
    code: str
    by: str
    why: str
    now: datetime

    def values(self) -> dict[str, Any]:
        """Return the values of a query."""
        return {
            "contract": self.contract,
            "code": self.code,
            "by": self.by,
            "why": self.why,
            "now": micros(self.now),
        }


class CodeMappings:
    """The mappings in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> MappingVersion:
        """Return the version of the mappings; a cheap query."""
        return await self._database.read_in_one_go(mapping_version)

    async def active(self) -> MappedCodes:
        """Return the mappings that count now."""
        async with self._database.reading() as tx:
            version = await mapping_version(tx)
            found = await tx.rows("active_code_mappings")
        return MappedCodes(version, _by_contract(found))

    async def rows(self) -> Sequence[Row]:
        """Return the mappings that count now, by contract and code."""
        async with self._database.reading() as tx:
            return await tx.rows("active_code_mappings")

    async def page(self, before: int | None, limit: int) -> Sequence[Row]:
        """Return mappings, the newest first, removed ones included."""
        async with self._database.reading() as tx:
            return await tx.rows(
                "list_code_mappings", before=before or _LAST, limit=limit
            )

    async def one(self, contract: str, code: str) -> Row | None:
        """Return the mapping of a code that counts now, None without one."""
        async with self._database.reading() as tx:
            return await tx.row("active_code_mapping", contract=contract, code=code)

    async def is_unknown(self, contract: str, code: str) -> bool:
        """Whether a stored event has a code of a contract, and no meaning."""
        values = {"contract": contract, "code": code, "after": 0, "limit": 1}
        async with self._database.reading() as tx:
            found = await tx.rows("unmapped_events_of_code", upto=_LAST, **values)
        return bool(found)

    async def newest_event(self) -> int:
        """Return the number of the newest event, 0 without one."""
        async with self._database.reading() as tx:
            return await newest_event(tx)

    async def add(
        self, change: MappingChange, meaning: Mapping[str, Any]
    ) -> int | None:
        """Store a mapping; return its number, None if the code has one already."""
        code = {"contract": change.contract, "code": change.code}
        async with self._database.writing() as tx:
            row = await tx.row(
                "add_code_mapping", **change.values(), meaning=dumps(meaning)
            )
            if row is None:
                return None
            await tx.run("end_earlier_mappings", **code)
        number: int = row["mapping"]
        return number

    async def remove(self, change: MappingChange) -> int | None:
        """Remove the mapping of a code; return its number, None without one."""
        async with self._database.writing() as tx:
            row = await tx.row("remove_code_mapping", **change.values())
        return None if row is None else row["mapping"]


async def mapping_version(tx: Transaction) -> MappingVersion:
    """Return the version of the mappings as *tx* sees it."""
    row = await tx.row("code_mappings_version")
    return (0, 0) if row is None else (row["made"], row["removed"])


async def newest_event(tx: Transaction) -> int:
    """Return the number of the newest event, 0 without one."""
    row = await tx.row("newest_event")
    return 0 if row is None else row["event"]


def _by_contract(found: Sequence[Row]) -> Meanings:
    of_contracts: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in found:
        codes = of_contracts.setdefault(row["contract"], {})
        codes[row["code"]] = loads(row["meaning"])
    return of_contracts
