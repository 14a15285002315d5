"""Claims of due invoices by the publisher, and how far each has come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from relay.clock import micros, moment
from relay.domain.invoices import InvoiceNotification
from relay.errors import LeaseLost
from relay.problem_codes import CodedWarning
from relay.store.accounts import AccountState, locked
from relay.store.claims import FOREVER, mark_probed
from relay.store.codec import at, loads, stored
from relay.store.database import Database, Row, Transaction
from relay.store.invoice_warnings import stored_warnings, warnings_text
from relay.store.snapshots import ClaimTerms, Limits

InvoiceWrite = Literal["post_invoice", "close_return"]
"""The two writes about an invoice: posting it, and marking a return as delivered."""
Amendment = Callable[[AccountState], None]


@dataclass(frozen=True, slots=True)
class InvoiceProgress:
    """How far an invoice has come: the columns that the publisher changes."""

    due_at: datetime | None
    attempts: int = 0
    failing_since: datetime | None = None
    pending: InvoiceWrite | None = None
    in_doubt_since: datetime | None = None
    unseen_since: datetime | None = None
    posted_at: datetime | None = None
    receipt: str | None = None
    delivered_at: datetime | None = None
    order_warnings: tuple[CodedWarning, ...] = ()
    waiting_reason: str | None = None
    stuck_reason: str | None = None

    @classmethod
    def of(cls, row: Row) -> "InvoiceProgress":
        """Return the progress of a row of `invoices`."""
        fields: dict[str, Any] = {name: at(row[name]) for name in _TIMES}
        fields |= {name: row[name] for name in _PLAIN}
        warnings = stored_warnings(row["order_warnings"])
        return cls(**fields, order_warnings=warnings)

    def columns(self) -> Mapping[str, Any]:
        """Return the parameters of `save_invoice`."""
        times = {name: stored(getattr(self, name)) for name in _TIMES}
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {**times, **plain, "order_warnings": warnings_text(self.order_warnings)}


_TIMES: Final = (
    "due_at", "failing_since", "in_doubt_since", "unseen_since", "posted_at",
    "delivered_at",
)  # fmt: skip
_PLAIN: Final = ("attempts", "pending", "receipt", "waiting_reason", "stuck_reason")


@dataclass(frozen=True, slots=True)
class InvoiceClaim:
    """A leased invoice; `body` is exactly what is posted.

    `closing` says that it was posted, and that its return is to be marked as delivered.
    """

    invoice: int
    id: str
    notification: InvoiceNotification
    body: str
    lease: str
    lease_until: datetime
    progress: InvoiceProgress
    closing: bool = False

    @classmethod
    def of(cls, row: Row) -> "InvoiceClaim":
        """Return the claim of a leased row."""
        content = InvoiceNotification.of_body(
            row["account"], row["order_id"], loads(row["body"])
        )
        return cls(
            invoice=row["invoice"],
            id=row["id"],
            notification=content,
            body=row["body"],
            lease=row["lease"],
            lease_until=moment(row["lease_until"]),
            progress=InvoiceProgress.of(row),
            closing=row["posted_at"] is not None,
        )


@dataclass(frozen=True, slots=True)
class InvoiceCall:
    """A call to VTEX, to be logged: before it is sent, and with its answer."""

    call: str
    kind: str
    status: int | None = None
    message: str | None = None
    sent: bool = True
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceSaving:
    """What is stored of a claim in one transaction.

    With `write` it goes on with that call and keeps its lease; otherwise the claim
    ends. `amend` changes the account's gates.
    """

    progress: InvoiceProgress
    calls: tuple[InvoiceCall, ...] = ()
    amend: Amendment | None = None
    write: InvoiceWrite | None = None
    posted_now: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceClaims:
    """Leases due invoices and stores the results of their calls."""

    database: Database = field(repr=False)

    async def ready_accounts(self, now: datetime) -> list[AccountState]:
        """Return the accounts with due invoices."""

        async def ready(tx: Transaction) -> list[AccountState]:
            found = await tx.rows("accounts_with_due_invoices", now=micros(now))
            return [AccountState.of(r) for r in found]

        return await self.database.read_in_one_go(ready)

    async def next_due(self, account: str) -> datetime | None:
        """Return when the next invoice of *account* is due."""
        async with self.database.reading() as tx:
            row = await tx.row("next_due_invoice", account=account)
        return moment(row["due_at"]) if row is not None else None

    async def claim(self, taking: ClaimTerms, now: datetime) -> list[InvoiceClaim]:
        """Lease due invoices, within the account's limits."""

        async def taken(tx: Transaction) -> list[InvoiceClaim]:
            state = await locked(tx, taking.account)
            if state is None or state.closed_reason(micros(now)):
                return []
            wanted, probe = await _wanted(tx, state, taking, now)
            rows = await tx.rows(
                "claim_invoices",
                account=taking.account,
                now=micros(now),
                lease=taking.lease,
                lease_until=micros(taking.lease_until),
                limit=wanted,
            )
            state.give_back(wanted - len(rows))
            if rows and probe:
                mark_probed(state, taking.limits, now)
            await tx.run("save_account", **state.columns())
            return [InvoiceClaim.of(row) for row in rows]

        return await self.database.write_in_one_go(taken)

    async def save(
        self, claim: InvoiceClaim, saving: InvoiceSaving, now: datetime
    ) -> None:
        """Store what was done, and what is done next, before it is sent.

        Raises `LeaseLost` if the lease expired: nothing is stored then.
        """

        async def saved(tx: Transaction) -> None:
            if saving.posted_now:
                # Before the invoice: shipments are always locked first.
                await _wake_shipment(tx, claim.notification, now)
            values = {"invoice": claim.invoice, "lease": claim.lease}
            if await tx.row("invoice_lease_held", **values) is None:
                raise LeaseLost("another publisher has the invoice")
            await _log(tx, claim, saving.calls, now)
            columns = saving.progress.columns()
            if saving.write is None:
                await tx.run("save_invoice", invoice=claim.invoice, **columns)
            else:
                await tx.run(
                    "store_invoice_write",
                    invoice=claim.invoice,
                    pending=saving.write,
                    order_warnings=columns["order_warnings"],
                )
            await _amend(tx, claim.notification.account, saving.amend)

        await self.database.write_in_one_go(saved)

    async def expire(
        self, account: str, now: datetime, wait: timedelta, *, predecessor: bool
    ) -> int:
        """Make invoices due whose claim was never settled; return how many.

        One with a stored write is unconfirmed, and due after *wait*. *predecessor*: no
        other process is running, so every lease has expired.
        """
        until = FOREVER if predecessor else micros(now)
        values = {"account": account, "until": until}
        async with self.database.reading() as tx:
            if await tx.row("any_expired_invoice", **values) is None:
                return 0
        times = {"now": micros(now), "not_before": micros(now + wait)}
        async with self.database.writing() as tx:
            return len(await tx.rows("expire_invoices", **values, **times))


async def _wanted(
    tx: Transaction, state: AccountState, taking: ClaimTerms, now: datetime
) -> tuple[int, bool]:
    """Return how many may be leased, paid from the token bucket, and if it probes."""
    limits: Limits = taking.limits
    probe = state.outage_since is not None or state.write_closed is not None
    leased = await tx.row("count_leased", account=state.account, now=micros(now))
    free = limits.in_flight - (leased["leased"] if leased else 0)
    wanted = min(taking.wanted, free, 1 if probe else free)
    return state.take(wanted, micros(now), limits.per_second, limits.burst), probe


async def _wake_shipment(
    tx: Transaction, posted: InvoiceNotification, now: datetime
) -> None:
    await tx.run(
        "wake_invoiced_shipment",
        account=posted.account,
        order_id=posted.order_id,
        invoice_number=posted.invoice_number,
        now=micros(now),
    )


async def _log(
    tx: Transaction, claim: InvoiceClaim, calls: tuple[InvoiceCall, ...], now: datetime
) -> None:
    for call in calls:
        if not call.is_answered or call.kind == "read_order":
            values = {"call": call.call, "invoice": claim.invoice, "kind": call.kind}
            await tx.run("store_invoice_call", **values, now=micros(now))
        if call.is_answered:
            await tx.run(
                "answer_invoice_call",
                call=call.call,
                now=micros(now),
                status=call.status,
                message=call.message,
                sent=int(call.sent),
            )


async def _amend(tx: Transaction, account: str, amend: Amendment | None) -> None:
    if amend is None:
        return
    state = await locked(tx, account)
    assert state is not None  # noqa: S101 -- an invoice adds its account
    amend(state)
    await tx.run("save_account", **state.columns())
