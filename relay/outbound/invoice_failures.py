"""How an invoice that was not posted goes on: postponed, unconfirmed or stuck; pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final

from relay.clock import micros
from relay.config.sections import PublisherSettings
from relay.domain.invoices import InvoiceType
from relay.outbound import gates
from relay.outbound.gates import Amend
from relay.outbound.settlement import NOT_YET_CAP, UNAVAILABLE_CAP, slower
from relay.store.accounts import AccountState
from relay.store.invoice_claims import InvoiceClaim, InvoiceProgress, InvoiceWrite
from relay.text import storable
from relay.vtex.answers import Meaning
from relay.vtex.client import VtexResponse

_LONGEST: Final = 1000
"""Characters of a reason; one names all items of an order."""
MOST_UNCONFIRMED: Final = 3
"""Posts without an answer and without effect, while other writes are accepted."""
UNKNOWN_ORDER: Final = (
    "orderId: VTEX has no such order in this account; check the account and the order "
    "id. An order older than two years cannot be invoiced"
)
UNREADABLE: Final = (
    "the key's role may not read orders, and nothing is posted without reading the "
    "order first; give it the permission View order"
)
_NO_REFUND: Final = (
    "Give the key's role the permission Notify refund, or post the return in VTEX."
)


@dataclass(frozen=True, slots=True)
class InvoiceContext:
    """What an outcome depends on besides the answer; `jitter` is 0 to 1."""

    now: datetime
    waits: PublisherSettings
    state: AccountState
    jitter: float


@dataclass(frozen=True, slots=True)
class InvoiceOutcome:
    """What an answer changes; `write` is the call that follows at once, if any."""

    progress: InvoiceProgress
    amend: Amend | None = None
    write: InvoiceWrite | None = None
    posted_now: bool = False


def unreadable(claim: InvoiceClaim, context: InvoiceContext) -> InvoiceOutcome:
    """Wait while VTEX does not let the account read orders."""
    state = context.state
    because = f"{state.read_closed}; {UNREADABLE}"
    until = context.now + context.waits.probe_seconds
    return InvoiceOutcome(postponed_invoice(claim, until, because, context.now))


def without_write(claim: InvoiceClaim) -> InvoiceClaim:
    """Drop a stored write that was certainly not carried out."""
    cleared = replace(
        claim.progress, pending=None, in_doubt_since=None, unseen_since=None
    )
    return replace(claim, progress=cleared)


def unconfirmed(
    claim: InvoiceClaim, write: InvoiceWrite, because: str, context: InvoiceContext
) -> InvoiceOutcome:
    """Read the order after the wait: the write may have been carried out.

    A failure counts only if another write of the account was accepted since this
    invoice began to fail. Otherwise VTEX itself is unavailable.
    """
    now, progress = context.now, claim.progress
    since, others = progress.failing_since, context.state.accepted_at
    counts = since is not None and others is not None and others > micros(since)
    attempts = progress.attempts + int(counts)
    lost = replace(
        progress,
        pending=write,
        in_doubt_since=now,
        unseen_since=None,
        attempts=attempts,
    )
    claim = replace(claim, progress=lost)
    amend = gates.unavailable(now, write=True)
    if attempts >= MOST_UNCONFIRMED:
        return InvoiceOutcome(stuck_invoice(claim, because), amend)
    until = now + context.waits.unconfirmed_wait_seconds
    return InvoiceOutcome(postponed_invoice(claim, until, because, now), amend)


def not_read(
    claim: InvoiceClaim,
    means: Meaning,
    because: str,
    answer: VtexResponse,
    context: InvoiceContext,
) -> InvoiceOutcome:
    """Return the outcome of an answer without an order."""
    now, retry = context.now, context.waits.probe_seconds
    if means is Meaning.FORBIDDEN:
        waiting = postponed_invoice(claim, now + retry, f"{because}; {UNREADABLE}", now)
        return InvoiceOutcome(waiting, gates.read_forbidden(because, now, retry))
    if means is Meaning.UNAVAILABLE:
        return tried_later(claim, because, context, gates.unavailable(now))
    return refused_invoice(claim, means, because, answer, context)


def refused_invoice(
    claim: InvoiceClaim,
    means: Meaning,
    because: str,
    answer: VtexResponse,
    context: InvoiceContext,
) -> InvoiceOutcome:
    """Return the outcome of an answer that says that nothing was done."""
    now, waits = context.now, context.waits
    match means:
        case Meaning.NOT_YET:
            return _unknown_order(claim, context)
        case Meaning.FORBIDDEN:
            return _forbidden(claim, because, answer.status, context)
        case Meaning.BUSY:
            amend = gates.busy(
                now, answer.retry_after, waits.gate_seconds, waits.gate_cap_seconds
            )
        case Meaning.MISCONFIGURED:
            amend = gates.write_forbidden(because, now, waits.probe_seconds)
        case _:
            return InvoiceOutcome(stuck_invoice(claim, because))
    return InvoiceOutcome(postponed_invoice(claim, now, because, now), amend)


def _unknown_order(claim: InvoiceClaim, context: InvoiceContext) -> InvoiceOutcome:
    """Read an unknown order once more: it may just have been created."""
    now = context.now
    amend = gates.answered(now)
    if claim.progress.waiting_reason == UNKNOWN_ORDER:
        return InvoiceOutcome(stuck_invoice(claim, UNKNOWN_ORDER), amend)
    until = now + context.waits.not_yet_seconds
    return InvoiceOutcome(postponed_invoice(claim, until, UNKNOWN_ORDER, now), amend)


def _forbidden(
    claim: InvoiceClaim, because: str, status: int, context: InvoiceContext
) -> InvoiceOutcome:
    """Close the gate for writes, unless a 403 is about this invoice alone.

    A return needs another permission than everything else does.
    """
    now, state = context.now, context.state
    is_403 = status == HTTPStatus.FORBIDDEN
    if is_403 and claim.notification.type is InvoiceType.INPUT:
        return InvoiceOutcome(stuck_invoice(claim, f"{because} {_NO_REFUND}"))
    since = claim.progress.failing_since
    if is_403 and since and (state.accepted_at or 0) > micros(since):
        return InvoiceOutcome(stuck_invoice(claim, because))
    amend = gates.write_forbidden(because, now, context.waits.probe_seconds)
    return InvoiceOutcome(postponed_invoice(claim, now, because, now), amend)


def waiting_invoice(
    claim: InvoiceClaim, because: str, context: InvoiceContext
) -> InvoiceOutcome:
    """Wait at growing intervals for what VTEX shows to change, for days."""
    now, waits, since = context.now, context.waits, claim.progress.failing_since
    if since is not None and now - since > waits.not_yet_hours:
        return InvoiceOutcome(stuck_invoice(claim, because))
    wait = slower(since, now, least=waits.not_yet_seconds, most=NOT_YET_CAP)
    return InvoiceOutcome(postponed_invoice(claim, now + wait, because, now))


def tried_later(
    claim: InvoiceClaim, because: str, context: InvoiceContext, amend: Amend | None
) -> InvoiceOutcome:
    """Try again after a wait that grows while VTEX does not answer."""
    now, waits = context.now, context.waits
    failing = claim.progress.failing_since
    wait = slower(failing, now, least=waits.unavailable_seconds, most=UNAVAILABLE_CAP)
    # Jitter, so that invoices that failed together are not tried together.
    wait *= 1 + context.jitter / 2
    return InvoiceOutcome(postponed_invoice(claim, now + wait, because, now), amend)


def postponed_invoice(
    claim: InvoiceClaim, until: datetime, because: str, now: datetime
) -> InvoiceProgress:
    """Try again at *until*."""
    progress = claim.progress
    return replace(
        progress,
        due_at=until,
        failing_since=progress.failing_since or now,
        waiting_reason=storable(because)[:_LONGEST],
        stuck_reason=None,
    )


def stuck_invoice(claim: InvoiceClaim, because: str) -> InvoiceProgress:
    """Leave the invoice to the ERP or an operator."""
    return replace(
        claim.progress,
        due_at=None,
        waiting_reason=None,
        stuck_reason=storable(because)[:_LONGEST],
    )
