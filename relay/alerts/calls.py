"""One HTTP call of a channel; its address is a secret, so no error may show it."""

from http import HTTPStatus
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from relay.errors import NotDelivered

TIMEOUT: Final = ClientTimeout(total=20, connect=10)


async def call(session: ClientSession, method: str, url: str, body: Any = None) -> None:
    """Call *url*, with *body* as JSON; raise `NotDelivered` without a 2xx."""
    try:
        async with session.request(
            method, url, json=body, timeout=TIMEOUT, allow_redirects=False
        ) as answer:
            status = answer.status
    except TimeoutError:
        raise NotDelivered("no answer in time") from None
    except (ClientError, OSError, ValueError) as error:
        # Its text may contain the address.
        raise NotDelivered(f"cannot connect ({type(error).__name__})") from None
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise NotDelivered(f"answered {status}")
