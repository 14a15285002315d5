"""The HTML page: complaints first, then orders with their tracking."""

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Final

from relay.sandbox.orders import Invoice, Order, StoredEvent
from relay.sandbox.records import Complaint
from relay.sandbox.world import World

MOST_SHOWN: Final = 100

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox</title>
<meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color: #222; background: #fff }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top;
  border-bottom: 1px solid #ddd }
.complaints { border-left: .3rem solid #b00020; padding-left: 1rem }
.delivered { color: #186a3b } .quiet { color: #666 }
</style></head><body><main>
<h1>VTEX sandbox</h1>
<p class="quiet"><a href="/sandbox/help">Help: addresses and faults</a></p>
"""


def page(world: World) -> str:
    """Return the page; it has no script and reloads itself every two seconds."""
    return "".join([_HEAD, *_body(world), "</main></body></html>\n"])


def _body(world: World) -> Iterator[str]:
    counts = world.records.counts
    calls = ", ".join(
        f"{counts[kind]} {kind.upper()}" for kind in ("get", "post", "patch", "put")
    )
    yield f'<p class="quiet">{calls}. PUT mode: {world.mode}.</p>\n'
    yield from _complaints(list(world.records.complaints))
    if not world.orders:
        yield "<p>No orders yet; add one: <code>POST /sandbox/orders</code>.</p>\n"
    latest = sorted(world.orders, key=lambda order: order.changed_at, reverse=True)
    now = world.options.clock()
    for order in islice(latest, MOST_SHOWN):
        yield f"<h2>Order {escape(order.id)} of {escape(order.account)}</h2>\n"
        yield from _invoices(order, [i.number for i in order.visible(now)])
    if len(latest) > MOST_SHOWN:
        yield f"<p>… and {len(latest) - MOST_SHOWN} more orders.</p>\n"


def _complaints(complaints: list[Complaint]) -> Iterator[str]:
    if not complaints:
        yield "<p>No complaints.</p>\n"
        return
    yield f'<section class="complaints"><h2>{len(complaints)} complaints</h2><ul>\n'
    for complaint in complaints[: -MOST_SHOWN - 1 : -1]:
        where = " ".join(filter(None, (complaint.kind.upper(), complaint.order_id)))
        yield (
            f"<li><b>{escape(complaint.rule)}</b>: {escape(complaint.message)}"
            f' <span class="quiet">{escape(where)}</span></li>\n'
        )
    yield "</ul></section>\n"


def _invoices(order: Order, visible: list[str]) -> Iterator[str]:
    if not order.invoices:
        yield '<p class="quiet">not invoiced yet</p>\n'
    for invoice in order.invoices.values():
        note = "" if invoice.number in visible else " (not visible yet)"
        kind = " (return)" if invoice.type == "Input" else ""
        number = escape(invoice.number)
        yield f"<p>Invoice {number}{kind}{note}: {_state(invoice)}</p>\n"
        if invoice.events:
            rows = "".join(_row(event) for event in invoice.newest_first())
            yield f"<table>{rows}</table>\n"


def _state(invoice: Invoice) -> str:
    number = escape(invoice.tracking_number or "")
    if not number:
        return '<span class="quiet">no tracking number</span>'
    courier = f" by {escape(invoice.courier)}" if invoice.courier else ""
    url = invoice.tracking_url or ""
    if url.startswith(("https://", "http://")):
        number = f'<a href="{escape(url)}">{number}</a>'
    end = ", in transit"
    if invoice.finished:
        end = ', <b class="delivered">delivered</b>'
    return f"{number}{courier}{end}"


def _row(event: StoredEvent) -> str:
    place = ", ".join(part for part in (event.city, event.state) if part)
    return (
        f"<tr><td>{event.happened_at:%Y-%m-%d %H:%M} UTC</td>"
        f"<td>{escape(event.description)}</td><td>{escape(place)}</td></tr>"
    )
