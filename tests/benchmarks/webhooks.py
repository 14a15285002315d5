"""Webhooks of a carrier as they come: signed, and each with something new to say."""

import base64
import hmac
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID

from carriers.melhorenvio.sandbox import Simulator
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan

ACCOUNT: Final = "store"
CONTRACT: Final = "me"
SECRET: Final = "secret-of-the-carrier"
INVOICE: Final = "1"
CODES: Final = ("order.undelivered", "order.paused")
"""Scans that may come again and again, and after which nothing is over."""
REPEAT_AFTER: Final = 200
"""How many other webhooks come before one is repeated."""

_NOW: Final = datetime.now(UTC).replace(microsecond=0)


def order_id(number: int) -> str:
    """Return the order of shipment *number*."""
    return f"{1_500_000_000_000 + number}-01"


def tracking_number(number: int) -> str:
    """Return the tracking number of shipment *number*."""
    return f"QQ{number:09}BR"


def body(shipment: int, scan: int) -> bytes:
    """Return the webhook of one scan of one shipment; later scans are younger."""
    parcel = SimulatedParcel(
        order_id(shipment), str(UUID(int=shipment)), tracking_number(shipment)
    )
    at = _NOW - timedelta(days=2) + timedelta(seconds=scan)
    staged = SimulatedScan(parcel, CODES[scan % len(CODES)], at)
    return Simulator().webhook(staged, SECRET).body


def request(content: bytes) -> bytes:
    """Return the bytes of the HTTP request with which *content* comes."""
    digest = hmac.digest(SECRET.encode(), content, "sha256")
    head = (
        f"POST /webhooks/{CONTRACT} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: Melhor Envio\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/json\r\n"
        f"X-ME-Signature: {base64.b64encode(digest).decode()}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Webhooks:
    """A carrier that always has something new to say, of *shipments* in turn."""

    def __init__(self, shipments: int) -> None:
        self._scans: Iterator[tuple[int, int]] = (
            (n % shipments, n // shipments) for n in count()
        )

    def bodies(self, wanted: int) -> list[bytes]:
        """Return that many bodies that were never sent before."""
        return [body(*next(self._scans)) for _ in range(wanted)]

    def requests(self, wanted: int, *, repeats: bool = False) -> list[bytes]:
        """Return that many requests; with *repeats*, every tenth comes again."""
        fresh = [request(b) for b in self.bodies(wanted)]
        return with_repeats(fresh) if repeats else fresh


def with_repeats(fresh: Sequence[bytes]) -> list[bytes]:
    """Let every tenth request be one that was sent a while before."""
    return [
        fresh[n - REPEAT_AFTER] if n % 10 == 0 and n >= REPEAT_AFTER else one
        for n, one in enumerate(fresh)
    ]
