"""The HTML page shows orders, tracking and complaints."""

from typing import Any


async def read(sandbox: Any) -> str:
    response = await sandbox.client.get("/sandbox")
    assert response.status == 200
    assert response.content_type == "text/html"
    text: str = await response.text()
    return text


async def test_an_empty_sandbox_shows_how_to_add_an_order(made: Any) -> None:
    text = await read(await made())
    assert "POST /sandbox/orders" in text
    assert "No complaints." in text
    assert "<script" not in text


async def test_an_order_is_shown_with_number_events_and_state(
    sandbox: Any, scan: Any
) -> None:
    await sandbox.patch()
    await sandbox.put(scan("Left the hub", state=""))
    text = await read(sandbox)
    assert f"Order {sandbox.order} of acme" in text
    assert '<a href="https://carrier.example/TN1">TN1</a> by A Carrier' in text
    assert "in transit" in text
    assert "2026-08-01 10:00 UTC</td><td>Left the hub</td><td>São Paulo</td>" in text

    await sandbox.put(scan(), isDelivered=True, deliveredDate="2026-08-01")

    assert '<b class="delivered">delivered</b>' in await read(sandbox)


async def test_what_came_from_outside_is_escaped(sandbox: Any) -> None:
    await sandbox.add_order({"invoiceNumber": "<script>"})
    await sandbox.patch(
        "%3Cscript%3E", trackingNumber="<b>", trackingUrl="javascript:alert(1)"
    )
    text = await read(sandbox)
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;" in text
    assert "<script" not in text
    assert "javascript:" not in text


async def test_complaints_come_first_the_latest_on_top(sandbox: Any) -> None:
    await sandbox.put()
    await sandbox.patch(trackingNumber=1)
    text = await read(sandbox)
    assert "2 complaints" in text
    assert text.index("<b>body</b>") < text.index("<b>put-before-patch</b>")
    assert text.index("<b>put-before-patch</b>") < text.index("Order ")


async def test_hidden_invoices_and_returns_are_marked(sandbox: Any) -> None:
    await sandbox.add_order(
        {"invoiceNumber": "1", "visibleAfterSeconds": 60},
        {"invoiceNumber": "2", "type": "Input", "trackingNumber": "TN2"},
    )
    text = await read(sandbox)
    assert "Invoice 1 (not visible yet)" in text
    assert "no tracking number" in text
    assert "Invoice 2 (return): TN2, in transit" in text


async def test_an_order_without_invoice_is_shown(made: Any) -> None:
    sandbox = await made()
    await sandbox.add_order()
    assert "not invoiced yet" in await read(sandbox)


async def test_of_many_orders_the_last_changed_are_shown(made: Any) -> None:
    sandbox = await made()
    many = [{"account": "acme", "orderId": str(n)} for n in range(120)]
    await sandbox.ask("POST", "/orders", many)
    assert "and 20 more orders" in await read(sandbox)
