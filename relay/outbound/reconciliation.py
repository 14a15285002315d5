"""Reconciling: orders are read, compared with the relay, and marked for repair."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final, Literal

from relay.clock import Clock
from relay.domain.shipment import OVER, Snapshot
from relay.errors import VtexError
from relay.logs import logger
from relay.outbound.differences import ShownDifference
from relay.outbound.expectation import compare, differs_from_accepted
from relay.outbound.settlement import AccountTerms, PublisherTerms
from relay.store.accounts import Accounts, CallLimits
from relay.store.database import Database, Row, Transaction
from relay.store.read_permits import ReadPermit, take_read
from relay.store.repairs import mark_different
from relay.store.shipment_lists import ShipmentFilter, ShipmentLists
from relay.store.snapshots import load_snapshots
from relay.vtex.answers import Meaning, meaning
from relay.vtex.client import Deadline, VtexClient, VtexResponse

BATCH: Final = 8
"""How many orders are read at a time."""
READ_SECONDS: Final = 30.0
RATE_SECONDS: Final = 0.25
"""How soon to ask the account's rate again."""
UNCONFIRMED: Final = "a write is unconfirmed; the relay reads this order itself"
_STOPS: Final = {
    ReadPermit.THROTTLED: "VTEX asked for a pause",
    ReadPermit.USED_UP: "the quota of reads of this day is used up",
}

Unread = Literal["throttled", "unanswered"]

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """Which shipments are compared; those that differ are marked only with *repair*.

    Those of an account in shadow mode are never marked.
    *closed*: also those that are closed. *by* names the requester in notes.
    """

    wanted: ShipmentFilter
    closed: bool = False
    repair: bool = False
    by: str = ""

    def includes(self, row: Row) -> bool:
        """Whether a shipment is compared; cancelled and erased ones never are."""
        if row["closed_reason"] in OVER:
            return False
        return self.closed or row["closed_at"] is None


@dataclass(frozen=True, slots=True)
class ReconciledShipment:
    """How one shipment differs in VTEX, or the *problem* why that is not known.

    *marked*: it is due now, so that a running relay sends what lacks. *unread*: VTEX
    asked for a pause, or did not answer, so the order can be read later.
    """

    row: Row
    differences: Sequence[ShownDifference] = ()
    problem: str = ""
    marked: bool = False
    unread: Unread | None = None


@dataclass(frozen=True, slots=True)
class ReconciledBatch:
    """Some shipments, newest first; `next` is the row that the next ones come before.

    `stopped` says why no further order may be read now. Without both it was the last.
    """

    shipments: Sequence[ReconciledShipment]
    next: int | None = None
    stopped: str = ""


@dataclass(slots=True)
class Reconciler:
    """Compares shipments with VTEX, within each account's rate and quota of reads."""

    database: Database
    vtex: VtexClient
    terms: PublisherTerms
    clock: Clock
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    refused: dict[str, str] = field(default_factory=dict)
    """By account, why VTEX does not let its orders be read."""

    async def batch(
        self, request: ReconcileRequest, before: int | None = None
    ) -> ReconciledBatch:
        """Compare the next shipments older than the row *before*."""
        lists = ShipmentLists(self.database)
        page = await lists.shipments(
            request.wanted, self.clock(), limit=BATCH, before=before
        )
        rows = [f.row for f in page.shipments if request.includes(f.row)]
        loaded = await self.database.read_in_one_go(partial(_loaded, rows))
        reads: list[tuple[Row, Snapshot | Exception, str]] = []
        next_, stopped = before, ""
        for row, snapshot in zip(rows, loaded, strict=True):
            problem, stopped = await self._permitted(row, snapshot)
            if stopped:
                break
            reads.append((row, snapshot, problem))
            next_ = row["shipment"]
        done = await asyncio.gather(*(self._reconciled(*r, request) for r in reads))
        if (late := _first_unread(done)) is not None:
            before = done[late - 1].row["shipment"] if late else before
            return ReconciledBatch(done[:late], before, done[late].problem)
        return ReconciledBatch(done, next_ if stopped else page.next, stopped)

    async def _permitted(
        self, row: Row, snapshot: Snapshot | Exception
    ) -> tuple[str, str]:
        """Take a read; return why it is not possible, and why none is from now on."""
        terms = self.terms.accounts.get(row["account"])
        if terms is None:
            return f"the settings have no account {row['account']!r}", ""
        if isinstance(snapshot, Exception):
            return f"cannot be loaded: {type(snapshot).__name__}: {snapshot}", ""
        if snapshot.pending is not None:
            return UNCONFIRMED, ""
        if because := self.refused.get(row["account"]):
            return because, ""
        permit = await self._permit(row["account"], terms)
        if permit is ReadPermit.CLOSED:
            return "the account's gate for reads is closed", ""
        return "", _STOPS.get(permit, "")

    async def _permit(self, account: str, terms: AccountTerms) -> ReadPermit:
        """Take a read from rate and quota; wait while the rate is used up."""
        limits = CallLimits(terms.limits.per_second, terms.limits.burst)
        take = partial(take_read, self.database, account, limits=limits)
        while True:
            permit = await take(now=self.clock(), per_day=terms.read_backs_per_day)
            if permit is not ReadPermit.LATER:
                return permit
            await self.sleep(RATE_SECONDS)

    async def _reconciled(
        self,
        row: Row,
        snapshot: Snapshot | Exception,
        problem: str,
        request: ReconcileRequest,
    ) -> ReconciledShipment:
        """Compare one shipment; its error never stops the others."""
        if problem or isinstance(snapshot, Exception):
            return ReconciledShipment(row, problem=problem)
        try:
            return await self._compared(row, snapshot, request)
        except VtexError as error:
            because = f"no answer from VTEX: {error}"
            return ReconciledShipment(row, problem=because, unread="unanswered")
        except Exception as error:
            log.exception("reconciling failed", shipment=row["id"])
            because = f"internal error: {type(error).__name__}: {error}"
            return ReconciledShipment(row, problem=because)

    async def _compared(
        self, row: Row, snapshot: Snapshot, request: ReconcileRequest
    ) -> ReconciledShipment:
        vtex = self.terms.accounts[snapshot.account].vtex
        deadline = Deadline.within(READ_SECONDS, self.clock)
        answer = await self.vtex.read_order(vtex, snapshot.order_id, deadline=deadline)
        means = meaning(answer.status, answer.message, answer.payload, "order")
        if means is not Meaning.ACCEPTED:
            problem = await self._problem(snapshot.account, means, answer)
            unread: Unread | None = "throttled" if means is Meaning.BUSY else None
            return ReconciledShipment(row, problem=problem, unread=unread)
        policy = self.terms.policy(snapshot.account, snapshot.contract)
        found = compare(snapshot, answer.payload, self.clock(), policy)
        result = ReconciledShipment(row, found)
        shadow = self.terms.accounts[snapshot.account].shadow
        # VTEX does not take a delivery back, so there is nothing to send.
        if (
            not request.repair
            or shadow
            or all(one.what == "foreign_delivery" for one in found)
        ):
            return result
        now, again = self.clock(), None
        if differs_from_accepted(snapshot, answer.payload, policy):
            again = now + self.terms.waits.read_back_again_seconds
        # Of an order that ended, or that lacks the invoice, nothing is written blindly.
        is_gone = any(one.what == "invoice" for one in found)
        marked = await mark_different(
            self.database,
            snapshot.id,
            request.by,
            now,
            read_again_at=again,
            read_first=is_gone,
        )
        return replace(result, marked=marked)

    async def _problem(self, account: str, means: Meaning, answer: VtexResponse) -> str:
        """Return why *answer* shows no order; refusal and pause are the account's."""
        because = f"VTEX answered {answer.status}: {answer.message}".rstrip(": ")
        if means is Meaning.FORBIDDEN:
            self.refused[account] = because
        if means is Meaning.BUSY:
            waits = self.terms.waits
            asked = timedelta(seconds=answer.retry_after or 0)
            pause = min(max(asked, waits.gate_seconds), waits.gate_cap_seconds)
            await Accounts(self.database).pause(account, self.clock() + pause)
        return because


def _first_unread(done: Sequence[ReconciledShipment]) -> int | None:
    """Return where to go on later: VTEX asked for a pause, or answered nothing."""
    if len(done) > 1 and all(one.unread == "unanswered" for one in done):
        return 0
    return next((i for i, one in enumerate(done) if one.unread == "throttled"), None)


async def _loaded(rows: Sequence[Row], tx: Transaction) -> list[Snapshot | Exception]:
    return await load_snapshots(tx, rows)
