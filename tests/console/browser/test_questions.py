"""What people ask of the console: each answer by mouse, with its clicks and seconds.

The tables of docs/console.md have the same questions and clicks. `-s` prints them, and
the screenshots that are kept are those of docs/images.
"""

import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.console.browser.conftest import Desk, Store

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PAGE = Path(__file__).parents[3] / "docs" / "console.md"
ROW = re.compile(r"^\| (.+\?) \| (\d+) \| [\d.]+ \|$", re.MULTILINE)
MOST_CLICKS = 3
UNKNOWN, STUCK, MOVING = "1000000000001-01", "1000000000002-01", "1000000000003-01"
NUMBERS = {UNKNOWN: "AB1BR", STUCK: "AB2BR", MOVING: "AB3BR"}


@dataclass
class Mouse:
    """Clicks that are counted; a click into a field is one, typing is none."""

    page: Any
    clicks: int = 0

    async def click(self, selector: str) -> None:
        self.clicks += 1
        await self.page.click(selector)

    async def search(self, text: str) -> None:
        await self.click("#search")
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Enter")

    async def sees(self, *texts: str) -> None:
        """Wait until each text is visible, wherever on the page."""
        for text in texts:
            await self.page.locator("main").get_by_text(text).first.wait_for()


async def unknown(mouse: Mouse) -> None:
    await mouse.click("main >> text=Not known to VTEX")
    await mouse.sees("VTEX has no such order", UNKNOWN, "ERP")


async def where(mouse: Mouse) -> None:
    await mouse.search(MOVING)
    await mouse.sees("picked up, occurred")


async def waiting(mouse: Mouse) -> None:
    await mouse.sees("Waits for a person", "Stuck")


async def sent(mouse: Mouse) -> None:
    await mouse.search(NUMBERS[MOVING])
    await mouse.click("summary >> nth=0")
    await mouse.sees('"events"')


async def repaired(mouse: Mouse) -> None:
    await mouse.click("main >> text=Stuck")
    await mouse.click("td.actions >> text=Retry")
    await mouse.page.wait_for_selector("#reason:focus")
    await mouse.page.keyboard.type("VTEX works again")
    await mouse.click("main button")
    await mouse.sees("Retry requested.")


async def whose_fault(mouse: Mouse) -> None:
    await mouse.sees("This service", "VTEX · store", "Carrier · me", "last good moment")


async def silent(mouse: Mouse) -> None:
    await mouse.click("main >> text=Silent")
    await mouse.sees("No events for days.")


async def who(mouse: Mouse) -> None:
    await mouse.search(STUCK)
    await mouse.sees("VTEX works again", "· maria ·")


QUESTIONS: dict[str, Callable[[Mouse], Awaitable[None]]] = {
    "Which parcels does VTEX not know about, and why?": unknown,
    "Where is order X?": where,
    "What waits for me?": waiting,
    "What did VTEX get about this parcel?": sent,
    "How do I repair a stuck parcel?": repaired,
    "Is it us, the carrier or VTEX, and since when?": whose_fault,
    "Which carrier is silent?": silent,
    "Who changed this parcel, and why?": who,
}


async def prepare(store: Store) -> str:
    """Leave one parcel unknown to VTEX, one on its way, and return a stuck one."""
    for order in (STUCK, MOVING):
        await store.order(order, "1")
    await store.refuse_once(STUCK, "patch")
    made = {o: await store.label(o, "1", trackingNumber=n) for o, n in NUMBERS.items()}
    for order in (STUCK, MOVING):
        await store.scan(NUMBERS[order], order, "order.posted")
    for order, state in (
        (UNKNOWN, "waiting"),
        (STUCK, "stuck"),
        (MOVING, "up_to_date"),
    ):
        await store.until(made[order], state)
    return made[STUCK]


async def test_each_question_is_answered_within_three_clicks(
    store: Store, desk: Desk
) -> None:
    stuck = await prepare(store)
    await desk.sign_in()
    await desk.keep("console-today")
    measured: dict[str, tuple[int, float]] = {}
    for question, answer in QUESTIONS.items():
        await desk.open("")
        mouse, begun = Mouse(desk.page), time.monotonic()
        await answer(mouse)
        measured[question] = (mouse.clicks, time.monotonic() - begun)
        seconds = measured[question][1]
        sys.stdout.write(f"| {question} | {mouse.clicks} | {seconds:.1f} |\n")
    await store.until(stuck, "up_to_date")
    await desk.page.reload()
    await desk.keep("console-shipment")
    clicks = {question: number for question, (number, _) in measured.items()}
    assert max(clicks.values()) <= MOST_CLICKS
    written = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert {question: int(number) for question, number in written.items()} == clicks
