"""The access token of a contract: fetched once for all, renewed when refused."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import ClientSession

from carriers.generic.poll_options import Token as TokenOptions
from carriers.generic.signing import Clock
from carriers.generic.templates import question
from relay.adapters.http import ApiResponse, SharedToken, send
from relay.adapters.protocol import CarrierFailure


class Token:
    """A token that is good for a while, or until the carrier refuses it."""

    def __init__(
        self, options: TokenOptions, values: Mapping[str, str], now: Clock
    ) -> None:
        self._options = options
        self._values = values
        self._now = now
        self._shared = SharedToken(self._fetch)
        self._latest = ""
        self._good_until: datetime | None = None

    async def answer(
        self, session: ClientSession, ask: Callable[[str], Awaitable[ApiResponse]]
    ) -> ApiResponse:
        """Return what *ask* is answered, with a renewed token if need be."""
        if self._good_until is not None and self._now() >= self._good_until:
            await self._shared.get(session, refused=self._latest)
        return await self._shared.answer(session, ask, self._options.renew_on)

    async def _fetch(self, session: ClientSession) -> str:
        asked_at = self._now()
        answered = await send(session, question(self._options, self._values))
        value = answered.checked(200, 201).value()
        try:
            token = self._options.path.text_in(value)
        except ValueError:
            token = ""
        if not token or not token.isprintable():
            raise CarrierFailure("the carrier answered without a token")
        ttl = self._options.ttl_seconds
        self._good_until = asked_at + timedelta(seconds=ttl) if ttl else None
        self._latest = token
        return token
