"""Which e-mails VTEX sends to the shopper after a write; pure.

Sources are VTEX's help on transactional e-mail templates, and the known issue "first
shipping update e-mail".
"""

from collections.abc import Iterator

from relay.sandbox.checks import TrackingStatus
from relay.sandbox.orders import Invoice
from relay.sandbox.records import EmailKind


def of_invoice(url: str | None, tracking_number: str | None) -> Iterator[EmailKind]:
    """Yield the e-mails after a posted invoice; a repeated one repeats them."""
    yield "invoiced"
    if url and tracking_number:
        yield "shipped"


def of_tracking_number(
    invoice: Invoice, tracking_number: str | None, url: str | None
) -> Iterator[EmailKind]:
    """Yield the e-mails after a tracking number, before it is stored.

    The first one needs the page as well. Sending the same again repeats the e-mail.
    """
    first_or_sent = not invoice.tracking_number or bool(invoice.tracking_url)
    if tracking_number and url and first_or_sent:
        yield "shipped"


def of_tracking(invoice: Invoice, status: TrackingStatus) -> Iterator[EmailKind]:
    """Yield the e-mails after events, before they are stored.

    The first update sends none, and neither does an identical one.
    """
    if invoice.type == "Input" or status == invoice.last_put:
        return
    if status.is_delivered and not invoice.finished:
        yield "delivered"
    elif invoice.last_put is not None and invoice.tracking_url:
        yield "shipping_update"
