"""What VTEX's answers mean for an invoice that is to be posted; pure.

The order is always read first: an invoice that it shows is never posted again, and that
is also how a post without an answer is settled.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from relay.domain.invoice_checks import InvoiceInVtex, OrderContent, judge
from relay.domain.invoices import InvoiceType
from relay.errors import NotSent, Unanswered, VtexError
from relay.outbound import gates
from relay.outbound.invoice_failures import (
    InvoiceContext,
    InvoiceOutcome,
    not_read,
    postponed_invoice,
    refused_invoice,
    stuck_invoice,
    tried_later,
    unconfirmed,
    waiting_invoice,
    without_write,
)
from relay.problem_codes import CodedWarning, WarningCode
from relay.store.invoice_claims import InvoiceClaim, InvoiceProgress, InvoiceWrite
from relay.vtex.answers import Expected, Meaning, hint_for, meaning
from relay.vtex.client import VtexResponse
from relay.vtex.order_contents import order_content

_UNSEEN: Final = (
    "VTEX does not show the invoice, which may have been posted nevertheless; the "
    "order is read once more before it is posted again"
)


def after_read(
    claim: InvoiceClaim, answer: VtexResponse | VtexError, context: InvoiceContext
) -> InvoiceOutcome:
    """Return what the order means for the invoice, and whether to write now."""
    if isinstance(answer, VtexError):
        is_outage = isinstance(answer, NotSent | Unanswered)
        amend = gates.unavailable(context.now) if is_outage else None
        because = f"no answer from VTEX: {answer}"
        return tried_later(claim, because, context, amend)
    means, because = _explained(claim, answer, "order")
    if means is not Meaning.ACCEPTED:
        return not_read(claim, means, because, answer, context)
    order = order_content(answer.payload)
    if order is None:
        because = "VTEX answered something that is not an order"
        return tried_later(claim, because, context, None)
    step = _close if claim.closing else _post
    return replace(step(claim, order, context), amend=gates.answered(context.now))


def after_write(
    claim: InvoiceClaim,
    write: InvoiceWrite,
    answer: VtexResponse | VtexError,
    context: InvoiceContext,
) -> InvoiceOutcome:
    """Return what the answer to a write means."""
    now = context.now
    if isinstance(answer, Unanswered):
        because = f"no answer from VTEX: {answer}"
        return unconfirmed(claim, write, because, context)
    if isinstance(answer, VtexError):
        amend = gates.unavailable(now) if isinstance(answer, NotSent) else None
        because = f"no answer from VTEX: {answer}"
        return tried_later(without_write(claim), because, context, amend)
    means, because = _explained(claim, answer, "receipt")
    if means is Meaning.ACCEPTED:
        return _accepted(claim, write, answer.receipt, now)
    if means is Meaning.UNAVAILABLE:
        return unconfirmed(claim, write, because, context)
    return refused_invoice(without_write(claim), means, because, answer, context)


def _explained(
    claim: InvoiceClaim, answer: VtexResponse, expected: Expected
) -> tuple[Meaning, str]:
    means = meaning(answer.status, answer.message, answer.payload, expected)
    message = f"VTEX answered {answer.status}: {answer.message}".rstrip(": ")
    number = claim.notification.invoice_number
    hint = hint_for(means, answer.status, answer.message, number)
    return means, f"{message}. {hint}" if hint else message


def _post(
    claim: InvoiceClaim, order: OrderContent, context: InvoiceContext
) -> InvoiceOutcome:
    """Settle what the order shows; otherwise post, unless a reason is against it."""
    now, progress = context.now, claim.progress
    verdict = judge(claim.notification, order)
    if verdict.shown is not None:
        return _found(claim, verdict.shown, now)
    if progress.pending is not None:
        unseen_since = progress.unseen_since or now
        until = unseen_since + context.waits.read_back_again_seconds
        if now < until:
            # VTEX may show an invoice late: a second post would overwrite it.
            waiting = postponed_invoice(claim, until, _UNSEEN, now)
            return InvoiceOutcome(replace(waiting, unseen_since=unseen_since))
        claim = without_write(claim)
    if verdict.refusal is not None:
        return InvoiceOutcome(stuck_invoice(claim, verdict.refusal))
    if verdict.wait is not None:
        return waiting_invoice(claim, verdict.wait, context)
    warned = replace(claim.progress, order_warnings=verdict.warnings)
    return InvoiceOutcome(warned, write="post_invoice")


def _found(claim: InvoiceClaim, shown: InvoiceInVtex, now: datetime) -> InvoiceOutcome:
    """Count an invoice as posted that the order shows."""
    warnings = claim.progress.order_warnings
    if claim.progress.pending is None:
        text = (
            f"VTEX already showed invoice {shown.number}, so it was not posted again; "
            "tracking is sent separately"
        )
        warning = CodedWarning(WarningCode.INVOICE_IN_VTEX, text, "invoiceNumber")
        warnings = (warning,)
    posted = _done(claim.progress, posted_at=now, order_warnings=warnings)
    return InvoiceOutcome(posted, posted_now=True)


def _close(
    claim: InvoiceClaim, order: OrderContent, context: InvoiceContext
) -> InvoiceOutcome:
    """Mark the package of a return as delivered, unless the order shows that."""
    shown = order.numbered(claim.notification.invoice_number)
    if shown is None or shown.type is not InvoiceType.INPUT:
        because = "invoiceNumber: VTEX does not show the return; check it in VTEX"
        return waiting_invoice(claim, because, context)
    if shown.finished:
        return InvoiceOutcome(_done(claim.progress, delivered_at=context.now))
    return InvoiceOutcome(claim.progress, write="close_return")


def _accepted(
    claim: InvoiceClaim, write: InvoiceWrite, receipt: str | None, now: datetime
) -> InvoiceOutcome:
    amend = gates.accepted(now)
    if write == "close_return":
        return InvoiceOutcome(_done(claim.progress, delivered_at=now), amend)
    posted = _done(claim.progress, posted_at=now, receipt=receipt)
    return InvoiceOutcome(posted, amend, posted_now=True)


def _done(progress: InvoiceProgress, **changed: Any) -> InvoiceProgress:
    """Return the progress of an invoice for which nothing is left to do."""
    kept = InvoiceProgress(
        due_at=None,
        posted_at=progress.posted_at,
        receipt=progress.receipt,
        delivered_at=progress.delivered_at,
        order_warnings=progress.order_warnings,
    )
    return replace(kept, **changed)
