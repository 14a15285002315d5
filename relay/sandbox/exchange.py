"""One request to VTEX while it is being answered."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from relay.sandbox.answers import VtexAnswer
from relay.sandbox.changes import changed
from relay.sandbox.checks import RejectedCall
from relay.sandbox.decisions import check_role, decide
from relay.sandbox.effects import Accepted
from relay.sandbox.feeds import answer_feed, is_feed
from relay.sandbox.records import Call, Records
from relay.sandbox.world import World


@dataclass(frozen=True, slots=True)
class VtexExchange:
    """A request, its record, and the steps that a fault may skip or delay."""

    world: World
    records: Records
    request: web.Request
    call: Call
    body: bytes

    def perform(self) -> VtexAnswer:
        """Do what VTEX does, and return its answer."""
        answer, carry_out = self.accept()
        carry_out()
        return answer

    def accept(self) -> tuple[VtexAnswer, Callable[[], None]]:
        """Return VTEX's answer, and the step that carries the call out."""
        now = self.world.options.clock()
        try:
            accepted = self._decide(now)
        except RejectedCall as refusal:
            if refusal.rule:
                self._complain(refusal.rule, refusal.message, refused=True)
            return refusal.answer, _nothing
        for rule, message in accepted.violations:
            self._complain(rule, message, refused=False)
        if accepted.change is None:
            return accepted.answer, self._carried_out
        return accepted.answer, self._write(accepted.change, now)

    def _decide(self, now: datetime) -> Accepted:
        """Return the effect of the call; that of a feed is carried out at once."""
        headers = self.request.headers
        if not is_feed(self.call):
            return decide(self.world, self.call, headers, self.body)
        check_role(self.world, self.call, headers, "feed_admin")
        given = (self.request.query, self.body)
        feeds = self.world.notifications.feeds
        return Accepted(answer_feed(feeds, self.call, headers, given, now))

    def check_overlap(self) -> None:
        """Complain about a write while another for the same invoice is pending."""
        request = self.request
        if self.world.pending.begin(self.call, lambda: request.transport is not None):
            message = "another write for this invoice is in progress"
            self._complain("two-at-once", message, refused=False)

    def cut(self) -> None:
        """Drop the connection."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def wait(self, seconds: float) -> None:
        """Wait for *seconds*, or until the sandbox stops."""
        if not seconds:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.world.closing.wait()

    def _write(
        self, change: Callable[[datetime], bool], now: datetime
    ) -> Callable[[], None]:
        write = self.records.accepted(self.call, self.body, now)

        def carry_out() -> None:
            at = self.world.options.clock()
            write.carried_out, write.carried_out_at = True, at
            write.changed = change(at)
            self._notify()
            self._carried_out()

        return carry_out

    def _notify(self) -> None:
        """Notify feeds and hooks of the order that was written."""
        order = self.world.orders.find(self.call.account, self.call.order_id or "")
        if order is not None:
            changed(self.request.app, order)

    def _carried_out(self) -> None:
        self.call.carried_out = True

    def _complain(self, rule: str, message: str, *, refused: bool) -> None:
        now = self.world.options.clock()
        self.records.complain(self.call, now, rule, message, refused=refused)


def _nothing() -> None:
    """Carry nothing out: the call was refused."""
