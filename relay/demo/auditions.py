"""Which carriers of the sandbox can take part, and with what kind of secret."""

from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex

from relay.demo.plan import Speaker, speakers
from relay.demo.programs import DemoFailed
from relay.demo.stories import STORIES, shipments
from relay.demo.talking import Sandbox, now, scan_body


async def cast(sandbox: Sandbox, url: str) -> list[Speaker]:
    """Return the carriers that call, say enough, and can play with a secret of ours.

    Nobody listens at *url* yet. Raises `DemoFailed` if no carrier is left.
    """
    candidates = speakers((await sandbox.ask("carriers"))["carriers"])
    tried = [await _auditioned(sandbox, url, speaker) for speaker in candidates]
    found = [speaker for speaker in tried if speaker is not None]
    if not found:
        raise DemoFailed("no carrier of the sandbox says enough")
    return found


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
