"""An access token of a carrier that is asked."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from aiohttp import ClientSession

from relay.carrier.asking import Answered

REFUSALS: Final = frozenset({401, 403})


class SharedToken:
    """A token that is good until the carrier refuses it, and then fetched anew.

    All who wait for a new one wait for the same call, and share its failure.
    """

    def __init__(self, fetch: Callable[[ClientSession], Awaitable[str]]) -> None:
        self._fetch = fetch
        self._token = ""
        self._renewal: asyncio.Task[str] | None = None

    async def answer(
        self,
        session: ClientSession,
        ask: Callable[[str], Awaitable[Answered]],
        refusals: Collection[int] = REFUSALS,
    ) -> Answered:
        """Return what *ask* is answered, asking again once with a renewed token."""
        token = await self.get(session)
        answered = await ask(token)
        if answered.status not in refusals:
            return answered
        renewed = await self.get(session, refused=token)
        return answered if renewed == token else await ask(renewed)

    async def get(self, session: ClientSession, *, refused: str = "") -> str:
        """Return the token, a new one if there is none but the *refused* one."""
        if self._token and self._token != refused:
            return self._token
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(session))
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal)

    async def _renew(self, session: ClientSession) -> str:
        self._token = await self._fetch(session)
        return self._token

    def _renewed(self, task: asyncio.Task[str]) -> None:
        self._renewal = None
        if not task.cancelled():
            task.exception()  # heard, even if nobody waits any more
