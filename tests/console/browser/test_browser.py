"""The console in a real browser: by mouse, by keyboard alone, and on a phone."""

import asyncio
from typing import Any

import pytest

from tests.console.browser.conftest import PHONE, Desk, Store, browsing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

ORDER, INVOICE, NUMBER = "1172452900788-01", "000012345", "AB123456789BR"
PAGES = (
    "", "shipments", "lists/unknown-to-vtex", "lists/stuck", "labels", "carriers",
    "vtex", "audit", "settings",
)  # fmt: skip
SERIOUS = {"serious", "critical"}


async def test_the_parcel_that_vtex_does_not_know_is_found_and_repaired_by_mouse(
    store: Store, desk: Desk
) -> None:
    shipment = await store.label(ORDER, INVOICE, trackingNumber=NUMBER)
    await store.until(shipment, "waiting")
    await desk.sign_in()
    page = desk.page
    await page.click("text=Not known to VTEX")
    row = page.locator("tbody tr")
    assert "VTEX has no such order" in await row.inner_text()
    assert "ERP" in await row.inner_text()
    await desk.keep("not-known-to-vtex")
    await store.order(ORDER, INVOICE)  # the ERP invoices it, late
    await row.locator("text=Retry").click()
    await page.fill("#reason", "the order is there now")
    await page.click("main button")
    assert "Retry requested." in await page.inner_text("[role=status]")
    await store.until(shipment, "up_to_date")
    await page.reload()
    assert "VTEX accepted" in await page.inner_text("main")
    await desk.keep("shipment")
    await desk.open("audit")
    assert "the order is there now" in await page.inner_text("main")


async def test_by_keyboard_alone(store: Store, desk: Desk) -> None:
    shipment = await store.label(ORDER, INVOICE, trackingNumber=NUMBER)
    keys = desk.page.keyboard
    await desk.open("")
    await keys.type("maria")  # the first field has the focus
    await keys.press("Tab")
    await keys.type("correct horse battery")
    await keys.press("Enter")
    await desk.page.wait_for_selector("header nav")
    await tab_to(desk, "#search")
    await keys.type(NUMBER)
    await keys.press("Enter")
    await desk.page.wait_for_url(f"**/shipments/{shipment}")
    await tab_to(desk, f"a[href$='{shipment}/cancel']")
    await keys.press("Enter")
    await desk.page.wait_for_selector("#reason:focus")
    await keys.type("printed twice")  # the only field has the focus
    await keys.press("Enter")
    await desk.page.wait_for_selector("[role=status]")
    assert await store.state(shipment) == "cancelled"


async def tab_to(desk: Desk, selector: str) -> None:
    """Press Tab until the element has the focus, as it is seen to have."""
    for _ in range(60):
        await desk.page.keyboard.press("Tab")
        script = "s => document.activeElement.matches(s)"
        if await desk.page.evaluate(script, selector):
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert await desk.page.evaluate(outline) != "none"
            return
    pytest.fail(f"no Tab leads to {selector}")


async def test_a_number_changes_while_the_page_is_open(
    store: Store, desk: Desk
) -> None:
    await desk.sign_in()
    before = await desk.page.inner_text("[data-live=backlog]")
    await store.label(ORDER, INVOICE, trackingNumber=NUMBER)
    async with asyncio.timeout(30):
        while await desk.page.inner_text("[data-live=backlog]") == before:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert "1 later" in await desk.page.inner_text("[data-live=backlog]")


async def test_labels_are_imported_with_a_preview(desk: Desk) -> None:
    await desk.sign_in()
    page = desk.page
    await desk.open("labels")
    rows = "".join(f"{n}-01;{n};AB{n}\n" for n in range(1, 252))
    content = f"orderId;invoiceNumber;trackingNumber\n{rows}bad-01;;AB0\n".encode()
    file = {"name": "labels.csv", "mimeType": "text/csv", "buffer": content}
    await page.set_input_files("#file", files=[file])
    await page.click("text=Preview")
    assert "252 rows, 1 with a problem" in await page.inner_text("main")
    await page.click("text=Import the good rows")
    # It goes on by itself.
    await page.wait_for_selector("text=252 of 252 rows, 1 refused Finished.")
    await page.click("main >> text=Shipments")
    assert "251-01" in await page.inner_text("main")


async def test_who_may_look_is_offered_nothing_to_do(store: Store, desk: Desk) -> None:
    shipment = await store.label(ORDER, INVOICE, trackingNumber=NUMBER)
    await desk.sign_in("vera")
    await desk.open(f"shipments/{shipment}")
    assert await desk.page.locator("main a.button").count() == 0


async def test_a_carriers_script_is_text(store: Store, desk: Desk) -> None:
    script = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    shipment = await store.label(ORDER, INVOICE, trackingNumber=NUMBER, courier=script)
    await desk.sign_in()
    await desk.open(f"shipments/{shipment}")
    assert script in await desk.page.inner_text("main")


async def test_pages_fit_on_a_phone(store: Store, chromium: str) -> None:
    shipment = await store.label(ORDER, INVOICE, trackingNumber=NUMBER)
    async with browsing(chromium, store.relay.url, viewport=PHONE) as desk:
        await desk.sign_in()
        for path in (*PAGES, f"shipments/{shipment}"):
            await desk.open(path)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not await desk.page.evaluate(wide), path
        await desk.keep("phone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_serious_hinders_a_screen_reader(
    store: Store, chromium: str, scheme: str
) -> None:
    from axe_playwright_python.base import AXE_FILE_PATH  # noqa: PLC0415 -- an extra

    axe = AXE_FILE_PATH.read_text(encoding="utf-8")
    shipment = await store.label(ORDER, INVOICE, trackingNumber=NUMBER)
    one = f"shipments/{shipment}"
    async with browsing(chromium, store.relay.url, color_scheme=scheme) as desk:
        await desk.open("sign-in")
        found = await findings(desk, axe)
        await desk.sign_in()
        for path in (*PAGES, one, f"{one}/correct"):
            await desk.open(path)
            found += await findings(desk, axe)
        await desk.open("")
        await desk.keep(f"today-{scheme}")
    assert found == []


async def findings(desk: Desk, axe: str) -> list[Any]:
    """Return what axe-core finds serious on the open page."""
    await desk.page.evaluate(axe)
    result = await desk.page.evaluate("axe.run()")
    return [
        (desk.page.url, v["id"], [n["html"] for n in v["nodes"]][:3])
        for v in result["violations"]
        if v["impact"] in SERIOUS
    ]
