"""Retention: rows are deleted by age, in slices of short transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.store.codec import loads, rows
from relay.store.database import Database, Row, Transaction

SLICE: Final = 500
IDLE: Final = 20
"""A round ends after so many slices without outdated rows; the next continues."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Retention times, and how long a shipment without events stays open."""

    documents: timedelta = timedelta(days=90)
    repeats: timedelta = timedelta(days=7)
    unmatched: timedelta = timedelta(days=60)
    unreadable: timedelta = timedelta(days=180)
    calls: timedelta = timedelta(days=400)
    shipments: timedelta = timedelta(days=730)
    rejected_requests: timedelta = timedelta(days=7)
    outgoing: timedelta = timedelta(days=30)
    expire: timedelta = timedelta(days=60)
    expire_by_contract: Mapping[str, timedelta] = field(default_factory=dict)

    def expires_after(self, contract: str) -> timedelta:
        """Return after how long without events a shipment of *contract* expires."""
        return self.expire_by_contract.get(contract, self.expire)

    def bounds(self, now: datetime) -> dict[str, Any]:
        """Return the times before which rows are outdated, as query parameters.

        The bound of calls is an id: a UUIDv7 begins with milliseconds since 1970, in
        hexadecimal (RFC 9562).
        """
        names = ("documents", "repeats", "unmatched", "unreadable", "shipments")
        bounds: dict[str, Any] = {
            name: micros(now - getattr(self, name))
            for name in (*names, "rejected_requests", "outgoing")
        }
        digits = f"{max(micros(now - self.calls), 0) // 1000:012x}"
        return bounds | {"calls": f"{digits[:8]}-{digits[8:]}"}


@dataclass(frozen=True, slots=True)
class Job:
    """The deletion of one kind of row: the page query and the delete queries.

    `young` names bounds: a slice that ends younger than all of them is the last.
    `walks` says that slices are read in the order of numbers.
    """

    name: str
    page: str
    deletes: tuple[str, ...]
    young: tuple[str, ...] = ()
    walks: bool = True
    lock: str | None = None


_EVENT_LINKS: Final = ("delete_event_reference", "delete_event_documents")

JOBS: Final = (
    Job(
        "documents",
        "document_page",
        ("delete_document", "delete_document_links"),
        young=("documents", "repeats", "unreadable"),
    ),
    Job(
        "unmatched", "unmatched_page", ("delete_unmatched", *_EVENT_LINKS), walks=False
    ),
    Job("calls", "call_page", ("delete_call",), walks=False),
    Job("invoice calls", "invoice_call_page", ("delete_invoice_call",), walks=False),
    Job(
        "invoices",
        "invoice_page",
        ("delete_calls_of_invoice", "delete_invoice"),
        young=("shipments",),
    ),
    Job(
        "shipments",
        "shipment_page",
        (
            "delete_parcels_of",
            "delete_polls_of",
            "delete_references_of",
            "delete_matches_of",
            "delete_published_of",
            "delete_calls_of",
            "delete_notes_of",
            "delete_shadow_comparison_of",
            "delete_shipment",
        ),
        young=("shipments",),
    ),
    Job("events", "event_page", ("delete_event", *_EVENT_LINKS), young=("shipments",)),
    Job(
        "references",
        "reference_page",
        ("delete_reference", "delete_links_of_reference"),
        lock="lock_references",
    ),
    Job(
        "rejected_requests",
        "rejected_page",
        ("delete_rejected",),
        young=("rejected_requests",),
    ),
    Job(
        "outgoing",
        "outgoing_retention_page",
        ("delete_deliveries_of_outgoing", "delete_outgoing_event"),
        young=("outgoing",),
    ),
    Job("audit", "audit_entry_page", ("delete_audit_entry",), young=("shipments",)),
)


class Retention:
    """Deletes outdated rows."""

    def __init__(
        self, database: Database, policy: RetentionPolicy, *, size: int = SLICE
    ) -> None:
        self._database = database
        self._policy = policy
        self._size = size
        self._after: dict[str, int] = {}

    async def apply(self, now: datetime) -> dict[str, int]:
        """Delete rows that are outdated at *now*; return how many of each kind.

        A job that fails does not stop the others. Raises their errors in the end.
        """
        deleted: dict[str, int] = {}
        errors: list[Exception] = []
        for job in JOBS:
            try:
                deleted[job.name] = await self._round(job, now)
            except Exception as error:  # noqa: BLE001 -- raised below
                errors.append(error)
        try:
            await self._delete_refusals(now)
            await self._delete_discovered(now)
        except Exception as error:  # noqa: BLE001 -- raised below
            errors.append(error)
        if errors:
            raise ExceptionGroup("some data could not be deleted", errors)
        return deleted

    async def _delete_refusals(self, now: datetime) -> None:
        """Delete the counts of refused requests that are as old as rejected ones."""
        oldest = micros(now - self._policy.rejected_requests)
        async with self._database.writing() as tx:
            await tx.run("delete_old_refusals", oldest=oldest)
            await tx.run("delete_old_rejections", oldest=oldest)

    async def _delete_discovered(self, now: datetime) -> None:
        """Delete the orders of old notifications."""
        oldest = micros(now - self._policy.documents)
        async with self._database.writing() as tx:
            await tx.run("delete_old_discovered", oldest=oldest)

    async def _round(self, job: Job, now: datetime) -> int:
        """Delete slice by slice from where the last round ended; return how many."""
        bounds, deleted, idle = self._policy.bounds(now), 0, 0
        while idle < IDLE:
            after = self._after.get(job.name, 0)
            async with self._database.reading() as tx:
                page = await tx.rows(job.page, **bounds, after=after, limit=self._size)
            outdated = [r for r in page if r["outdated"]]
            await self._delete(job, outdated)
            deleted += len(outdated)
            idle += not outdated
            if self._is_last(job, page, bounds):
                self._after.pop(job.name, None)
                break
            if job.walks:
                self._after[job.name] = page[-1]["key"]
        return deleted

    def _is_last(self, job: Job, page: Sequence[Row], bounds: dict[str, Any]) -> bool:
        """Whether no row after this slice can be outdated."""
        if len(page) < self._size:
            return True
        recorded_at = page[-1]["recorded_at"]
        return bool(job.young) and all(
            recorded_at >= bounds[name] for name in job.young
        )

    async def _delete(self, job: Job, outdated: Sequence[Row]) -> None:
        if not outdated:
            return
        async with self._database.writing() as tx:
            keys = await _locked(tx, job, [r["key"] for r in outdated])
            for query in job.deletes:
                if query == "delete_event_reference":
                    await tx.many(query, _links(outdated))
                else:
                    await tx.many(query, [{"key": key} for key in keys])


async def _locked(tx: Transaction, job: Job, keys: list[Any]) -> list[Any]:
    """Lock and return the *keys* that may be deleted now."""
    if job.lock is None:
        return keys
    found = await tx.rows(job.lock, rows=rows({"key": key} for key in keys))
    return [r["key"] for r in found]


def _links(outdated: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the links of events to their references."""
    return [
        {"key": row["key"], "reference": reference}
        for row in outdated
        for reference in loads(row["refs"])
    ]
