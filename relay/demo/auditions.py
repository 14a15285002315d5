"""Which carriers of the sandbox can take part, and with what kind of secret."""

from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex

from relay.demo.bodies import scan_body
from relay.demo.plan import Speaker, asked, both, speakers
from relay.demo.programs import DemoFailed
from relay.demo.stories import STORIES, shipments
from relay.demo.talking import Sandbox, now


async def cast(sandbox: Sandbox, url: str) -> list[Speaker]:
    """Return the carriers that say enough: who calls, who is asked, who does both.

    A caller must play with a secret of ours; nobody listens at *url* yet. Raises
    `DemoFailed` if none of them is left.
    """
    carriers = (await sandbox.ask("carriers"))["carriers"]
    tried = [await _auditioned(sandbox, url, s) for s in speakers(carriers)]
    found = [speaker for speaker in tried if speaker is not None]
    if not found:
        raise DemoFailed("no carrier of the sandbox says enough")
    return [*found, *asked(carriers), *both(carriers)]


async def _auditioned(sandbox: Sandbox, url: str, speaker: Speaker) -> Speaker | None:
    """Give *speaker* the first kind of secret with which it can play its whole part."""
    for secret in _secrets():
        ready = replace(speaker, secret=secret)
        if await _plays(sandbox, url, ready):
            return ready
    return None


def _secrets() -> Sequence[str]:
    """Return secrets of several kinds: user and password, and one for a signature."""
    return (f"demo:{token_hex(24)}", token_hex(32))


async def _plays(sandbox: Sandbox, url: str, speaker: Speaker) -> bool:
    [shipment] = shipments([speaker], now(), STORIES[-1:])[:1]
    for scan in shipment.scans:
        body = scan_body(shipment, scan) | {"url": url}
        try:
            await sandbox.tell(f"carriers/{speaker.adapter}/scans", body)
        except DemoFailed:
            return False
    return True
