"""Webhook requests that failed verification: show them, and accept them later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from relay.clock import moment
from relay.config.seal import BrokenSeal, Seal
from relay.errors import Conflict, NotFound, VerificationFailed
from relay.service.access import Caller, ListScope
from relay.service.context import AuditEntry, ServiceContext
from relay.service.cursors import read_row_cursor, row_cursor
from relay.service.damage import RowGuard, damage_text
from relay.service.models import ResponseModel, StoredRow
from relay.service.queries import AcceptManyRequest, AcceptRequest
from relay.service.sealed_requests import open_request
from relay.service.verification import Verification
from relay.store.codec import as_dict
from relay.store.rejected import Acceptance, RejectedRequests, stored_headers

PAGE: Final = 50
"""Requests that are verified and stored in one transaction."""
PAGES: Final = 5
"""Pages of one bulk request, so that it ends soon; `next` continues it."""
PASSES: Final = "passes with the current settings"
_COLUMNS: Final = {"id": "rejected_request", "rejected_reason": "reason"}
_SEALED: Final = (
    "cannot be verified again: the app_token of the contract's account was changed"
)


class RejectedAnswer(StoredRow):
    """A request that failed verification, as it was received.

    `verification` is the result with the current settings.
    """

    id: int
    contract: str
    received_at: datetime
    rejected_reason: str
    verification: str
    headers: Mapping[str, str]
    body: str


class AcceptedAnswer(ResponseModel):
    """A rejected request that was accepted, and its contract."""

    id: int
    contract: str


class StillRejected(ResponseModel):
    """A request that still fails verification, and why."""

    id: int
    reason: str


class AcceptManyAnswer(ResponseModel):
    """How many requests were accepted, and which still fail verification.

    With `next` there are more of them: send it as `cursor`.
    """

    accepted: int
    still_rejected: tuple[StillRejected, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RejectedService:
    """Operations on rejected requests."""

    context: ServiceContext

    async def show(self, caller: Caller, number: int) -> RejectedAnswer:
        """Return a rejected request with its body; raise `NotFound`."""
        row = as_dict(await self._one(caller, number))
        row |= {
            "verification": self._verify(row) or PASSES,
            "body": bytes(row["body"]).decode(errors="replace"),
        }
        guard = RowGuard(self.context.damage, "request", "rejected_request", _COLUMNS)
        return guard.shown(partial(_answer, row), RejectedAnswer, row)

    async def accept(
        self, caller: Caller, number: int, request: AcceptRequest
    ) -> AcceptedAnswer:
        """Verify a rejected request again, and parse it if it passes.

        With `unverified` the caller vouches for it. Raises `NotFound`, and `Conflict`
        if it still fails verification.
        """
        row = await self._one(caller, number)
        reason = _unreadable(row)
        if reason is not None:
            raise Conflict(
                f"request {number} cannot be accepted: {reason}",
                hint="the others can be; this one must be sent again by the carrier",
            )
        reason = None if request.unverified else self._verify(row)
        if reason is not None:
            raise Conflict(
                f"request {number} still fails verification: {reason}",
                hint="correct the contract's settings first; if you are certain that "
                "your carrier sent it, accept it with `unverified` and a `reason`",
            )
        if not await self._accept(caller, [row], request):
            raise _no_such_request(number)
        return AcceptedAnswer(id=number, contract=row["contract"])

    async def accept_many(
        self, caller: Caller, request: AcceptManyRequest
    ) -> AcceptManyAnswer:
        """Verify the rejected requests of a contract again; parse those that pass.

        Raises `InvalidLabel` for an unknown contract.
        """
        contract, context = request.contract, self.context
        scope = ListScope(context.settings, caller.accounts, contract=contract)
        await scope.check(context.database)
        store = RejectedRequests(context.database)
        after, accepted = read_row_cursor(request.cursor) or 0, 0
        failed: list[StillRejected] = []
        for _ in range(PAGES):
            rows = await store.of_contract(contract, after, PAGE)
            reasons = {
                row["rejected_request"]: _unreadable(row)
                or (None if request.unverified else self._verify(row))
                for row in rows
                if scope.fits(row)
            }
            failed += [StillRejected(id=n, reason=r) for n, r in reasons.items() if r]
            passed = [
                row
                for row in filter(scope.fits, rows)
                if not reasons.get(row["rejected_request"])
            ]
            accepted += await self._accept(caller, passed, request)
            after = rows[-1]["rejected_request"] if len(rows) == PAGE else 0
            if not after:
                break
        return AcceptManyAnswer(
            accepted=accepted,
            still_rejected=tuple(failed),
            next=row_cursor(after or None),
        )

    async def _accept(
        self, caller: Caller, rows: Sequence[Mapping[str, Any]], request: AcceptRequest
    ) -> int:
        """Store requests as documents; return how many of them still existed."""
        context = self.context
        why = request.reason if request.unverified else None
        how = Acceptance(caller.name, context.now(), why)
        contracts = {row["rejected_request"]: row["contract"] for row in rows}
        if not contracts:
            return 0
        accepted = await RejectedRequests(context.database).accept(contracts, how)
        for number in accepted:
            about = {"contract": contracts[number], "request": number}
            about |= {"verified": True} if why is None else {"unverified": why}
            entry = AuditEntry.of(caller, "rejected request accepted", about)
            await context.record(entry)
        context.wake.reader()
        return len(accepted)

    def _verify(self, row: Mapping[str, Any]) -> str | None:
        """Return why a request fails verification with the current settings."""
        settings, contract = self.context.settings, row["contract"]
        if contract not in settings.contracts:
            return "its contract is not configured"
        try:
            presented = open_request(row, Seal.of(settings, contract))
            Verification(self.context.carriers, settings.contracts).check(
                contract, presented.request, presented.url_secret
            )
        except BrokenSeal:
            return _SEALED
        except VerificationFailed as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 -- an adapter's bug fails this one only
            return f"verification failed with {type(error).__name__}"
        return None

    async def _one(self, caller: Caller, number: int) -> Mapping[str, Any]:
        row = await RejectedRequests(self.context.database).one(number)
        scope = ListScope(self.context.settings, caller.accounts)
        if row is None or not scope.fits(as_dict(row)):
            raise _no_such_request(number)
        return row


def _answer(row: Mapping[str, Any]) -> RejectedAnswer:
    return RejectedAnswer(
        id=row["rejected_request"],
        contract=row["contract"],
        received_at=moment(row["received_at"]),
        rejected_reason=row["reason"],
        verification=row["verification"],
        headers=stored_headers(row),
        body=row["body"],
    )


def _unreadable(row: Mapping[str, Any]) -> str | None:
    """Return why a request cannot become a document; None if it can."""
    try:
        stored_headers(row)
    except ValueError as error:
        return damage_text(error)
    return None


def _no_such_request(number: int) -> NotFound:
    return NotFound(
        f"there is no rejected request {number}",
        hint="the work list `rejected` shows those that are still stored",
    )
