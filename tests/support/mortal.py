"""A process that can be killed at any commit and in any call to VTEX."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from relay.store.database import Database, Transaction
from relay.vtex.client import Deadline, VtexAccount, VtexClient, VtexResponse
from relay.vtex.http import Received

Call = Literal[
    "read_order",
    "post_invoice",
    "send_tracking_number",
    "send_events",
    "fetch_feed",
    "commit_feed",
]
When = Literal["before", "after"]


Work = Callable[[Transaction], Coroutine[Any, Any, Any]]


class Killed(BaseException):
    """What `kill -9` looks like from inside: nothing more is done."""


@dataclass
class Fate:
    """When a process dies: at the call it fears, or after so many steps."""

    fears: tuple[Call, When] | None = None
    steps_left: int | None = None
    dead: bool = False

    def check(self, call: Call | None = None, when: When | None = None) -> None:
        """Die if it is time; the dead do nothing."""
        if self.steps_left is not None and not self.dead:
            self.steps_left -= 1
            self.dead = self.steps_left < 0
        if self.fears is not None and self.fears == (call, when):
            self.dead = True
        if self.dead:
            raise Killed


@dataclass
class MortalDatabase:
    """A database of a process; what is not committed at its death never was."""

    inner: Database
    fate: Fate
    unclean: bool = False

    @property  # type: ignore[misc]
    def __class__(self) -> type[Database]:
        """Pass for what is inside: the composition root asks which database it has."""
        return type(self.inner)

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]:
        return self.inner.dialect

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        async with self.inner.writing() as tx:
            yield tx
            self.fate.check()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        if self.fate.dead:
            raise Killed
        async with self.inner.reading() as tx:
            yield tx

    async def write_in_one_go(self, work: Work, *, lazy: bool = False) -> Any:
        async def mortal(tx: Transaction) -> Any:
            result = await work(tx)
            self.fate.check()
            return result

        return await self.inner.write_in_one_go(mortal, lazy=lazy)

    async def read_in_one_go(self, work: Work) -> Any:
        if self.fate.dead:
            raise Killed
        return await self.inner.read_in_one_go(work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass(frozen=True)
class Attempt:
    """One write as it was handed to the network, whatever became of it."""

    at: datetime
    call: Call
    order_id: str
    invoice_number: str
    body: bytes


@dataclass
class MortalVtex:
    """The real client, in a process that may die before or after a call.

    `meanwhile` is awaited once, when an order was read.
    """

    inner: VtexClient
    fate: Fate
    clock: Callable[[], datetime]
    attempts: list[Attempt] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    @property
    def shadow(self) -> frozenset[str]:
        return self.inner.shadow

    @shadow.setter
    def shadow(self, accounts: frozenset[str]) -> None:
        self.inner.shadow = accounts

    async def read_order(
        self, account: VtexAccount, order_id: str, *, deadline: Deadline
    ) -> VtexResponse:
        self.fate.check("read_order", "before")
        answer = await self.inner.read_order(account, order_id, deadline=deadline)
        self.fate.check("read_order", "after")
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return answer

    async def post_invoice(
        self, account: VtexAccount, order_id: str, body: bytes, *, deadline: Deadline
    ) -> VtexResponse:
        self.fate.check("post_invoice", "before")
        number = json.loads(body)["invoiceNumber"]
        attempt = Attempt(self.clock(), "post_invoice", order_id, number, body)
        self.attempts.append(attempt)
        answer = await self.inner.post_invoice(
            account, order_id, body, deadline=deadline
        )
        self.fate.check("post_invoice", "after")
        return answer

    async def call(
        self, account: VtexAccount, method: str, path: str, **more: Any
    ) -> VtexResponse:
        call: Call = "commit_feed" if method == "POST" else "fetch_feed"
        is_feed = path.partition("?")[0] == "/api/orders/feed"
        self.fate.check(call if is_feed else None, "before")
        answer = await self.inner.call(account, method, path, **more)
        self.fate.check(call if is_feed else None, "after")
        return answer

    async def send_tracking_number(
        self, *about: Any, deadline: Deadline
    ) -> VtexResponse:
        return await self._write("send_tracking_number", about, deadline)

    async def send_events(self, *about: Any, deadline: Deadline) -> VtexResponse:
        return await self._write("send_events", about, deadline)

    async def forward_invoice(self, *about: Any, deadline: Deadline) -> Received:
        return await self.inner.forward_invoice(*about, deadline=deadline)

    async def _write(
        self,
        call: Literal["send_tracking_number", "send_events"],
        about: Any,
        deadline: Deadline,
    ) -> VtexResponse:
        self.fate.check(call, "before")
        self.attempts.append(Attempt(self.clock(), call, *about[1:]))
        answer: VtexResponse = await getattr(self.inner, call)(
            *about, deadline=deadline
        )
        self.fate.check(call, "after")
        return answer
