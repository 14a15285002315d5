"""The demo's acts: labels and scans in order, and what goes wrong meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from relay.demo.bodies import order_body
from relay.demo.client import RelayClient, SandboxClient, now, until
from relay.demo.evidence import (
    LOST,
    OUT,
    Channels,
    Evidence,
    Kill,
    Webhook,
    channels_of,
)
from relay.demo.plan import POLL, WEBHOOK, DemoShipment, LabelPrint, Phase, Scan
from relay.demo.processes import ACCOUNT, Program
from relay.demo.promises import Verdict, judge

AT_ONCE: Final = 8
"""How many shipments' labels and scans are under way at the same time."""

OUTAGE_SECONDS: Final = 3.0
SLOW: Final = timedelta(milliseconds=400)
"""VTEX's latency at the kill, so that a call is in flight for certain."""

QUICK_MS: Final = 10
STILL: Final = timedelta(seconds=3)
"""VTEX must be left alone for so long before the verdict counts."""

LOOK_SECONDS: Final = 0.02
LOOK_AGAIN_SECONDS: Final = 0.25


@dataclass(slots=True)
class Scenario:
    """One performance; `webhooks` are the answers that carriers got so far."""

    plan: Sequence[DemoShipment]
    sandbox: SandboxClient
    relay: RelayClient
    program: Program
    webhooks: list[Webhook] = field(default_factory=list)
    kill: Kill | None = None

    async def prepare(self) -> None:
        """Bring the orders into VTEX."""
        await self.sandbox.tell("options", {"latencyMs": QUICK_MS})
        orders = [order_body(shipment) for shipment in self.plan]
        await self.sandbox.tell("orders", orders)

    async def perform(self, act: Phase) -> None:
        """Play one act to its end."""
        acts: Mapping[Phase, Callable[[], Awaitable[None]]] = {
            Phase.OPENING: self._open,
            Phase.LOST_ANSWER: self._lose_answer,
            Phase.OUTAGE: self._go_out,
            Phase.KILL: self._kill,
            Phase.CLOSING: lambda: self._take_steps(Phase.CLOSING),
        }
        await acts[act]()

    async def settled(self, seconds: float) -> Verdict:
        """Wait until every promise is kept and VTEX is left alone, but not longer.

        Return the verdict; what is broken then stays broken.
        """
        calls, quiet_since = -1, now()
        started = now()
        while True:
            verdict = await self.verdict()
            seen = len(await self.sandbox.calls())
            if verdict.broken or seen != calls:
                calls, quiet_since = seen, now()
            elif now() - quiet_since >= STILL:
                return verdict
            if now() - started >= timedelta(seconds=seconds):
                return verdict
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def verdict(self) -> Verdict:
        """Judge by what the sandbox saw up to now."""
        return judge(self.plan, await self.evidence())

    async def evidence(self) -> Evidence:
        """Return everything that the sandbox saw up to now."""
        return await self.sandbox.evidence(self.webhooks, self.kill)

    async def channels(self) -> Channels:
        """Return by which door the relay says it heard of each shipment."""
        shown = {s.order_id: await self.relay.shown(s) for s in self.plan}
        return {order_id: channels_of(shipment) for order_id, shipment in shown.items()}

    async def _open(self) -> None:
        await self._take_steps(Phase.OPENING)
        started = {s.order_id for s in self.plan if s.starts_in(Phase.OPENING)}

        async def published() -> bool:
            shown = {p.order_id for p in await self.sandbox.orders() if p.events}
            return started <= shown

        await until("the first scans of every order", published)

    async def _lose_answer(self) -> None:
        for shipment in self._in(Phase.LOST_ANSWER):
            fault = {"kind": LOST, "account": ACCOUNT, "call": "put", "times": 1}
            await self.sandbox.tell("faults", fault | {"orderId": shipment.order_id})
        await self._take_steps(Phase.LOST_ANSWER)
        await until("a lost answer", lambda: self._met(LOST))

    async def _go_out(self) -> None:
        fault = {"kind": OUT, "status": 502, "seconds": OUTAGE_SECONDS}
        await self.sandbox.tell("faults", fault)
        await self._take_steps(Phase.OUTAGE)

        async def over() -> bool:
            return not (await self.sandbox.ask("faults"))["faults"]

        await until("a call in the outage", lambda: self._met(OUT))
        await until("the end of the outage", over)

    async def _met(self, fault: str) -> bool:
        return any(call.fault == fault for call in await self.sandbox.calls())

    async def _kill(self) -> None:
        """Kill the relay while a write is in flight, and start it again.

        What happens meanwhile is told by carriers and ERP until somebody listens;
        carriers that are asked are asked afterwards.
        """
        latency = SLOW // timedelta(milliseconds=1)
        await self.sandbox.tell("options", {"latencyMs": latency})
        before = max((c.sequence for c in await self.sandbox.calls()), default=0)

        async def writing() -> bool:
            new = await self.sandbox.calls(before)
            return any(c.kind == "put" and c.answered is None for c in new)

        steps = asyncio.create_task(self._play_steps(Phase.KILL))
        try:
            await until("a write in flight", writing, pause=LOOK_SECONDS)
            self.kill = Kill(now(), SLOW)
            await self.program.kill()
            await self.program.start()
            await self.sandbox.tell("options", {"latencyMs": QUICK_MS})
            await steps
        finally:
            steps.cancel()
        await self._ask_again(Phase.KILL)

    async def _take_steps(self, act: Phase) -> None:
        await self._play_steps(act)
        await self._ask_again(act)

    async def _ask_again(self, act: Phase) -> None:
        """Have the carriers asked that have news since the act began."""
        for shipment in self._in(act):
            scanned = any(isinstance(step, Scan) for step in shipment.steps[act])
            if scanned and POLL in shipment.speaker.channels:
                await self.relay.ask_again(shipment)

    async def _play_steps(self, act: Phase) -> None:
        turn = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                for shipment in self._in(act):
                    group.create_task(self._live(shipment, act, turn))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    def _in(self, act: Phase) -> list[DemoShipment]:
        return [s for s in self.plan if s.steps.get(act)]

    async def _live(
        self, shipment: DemoShipment, act: Phase, turn: asyncio.Semaphore
    ) -> None:
        """Take one shipment's steps of an act, one after the other."""
        async with turn:
            for step in shipment.steps[act]:
                if isinstance(step, LabelPrint):
                    await self.relay.register(shipment, step)
                else:
                    await self._happen(shipment, step)

    async def _happen(self, shipment: DemoShipment, scan: Scan) -> None:
        """Let the carrier know of a scan, and call if it does that."""
        channels = shipment.speaker.channels
        if POLL in channels:
            await self.sandbox.record(shipment, scan)
        if WEBHOOK in channels and not scan.unsaid:
            answers = await self.relay.hear(self.sandbox, shipment, scan)
            heard = Webhook(shipment.order_id, scan.forged, answers)
            self.webhooks.append(heard)
