"""The page of the API's description in a browser, under its strict policy."""

import re

import pytest

from tests.console.browser.conftest import Desk, Store

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]
TRIED = "#operations-operation-get_readyz"


async def test_operations_are_shown_and_tried(store: Store, desk: Desk) -> None:
    """What the policy forbids would be a complaint of the browser's console."""
    async with store.http.get(f"{store.relay.url}/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    page = desk.page
    await page.goto(f"{store.relay.url}/docs")
    await page.wait_for_selector(".opblock")
    shown = await page.locator(".opblock").count()
    assert shown == sum(len(methods) for methods in paths.values())

    await page.click(f"{TRIED} .opblock-summary-control")
    await page.click(f"{TRIED} .try-out__btn")
    await page.click(f"{TRIED} .execute")
    found = page.locator(f"{TRIED} .live-responses-table .microlight").first
    assert re.search(r'"ready":\s*(true|false)', await found.inner_text())
    await desk.keep("api")
