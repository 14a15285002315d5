"""The demo's phases: take the planned steps, and disturb them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from relay.demo.client import RelayClient, SandboxClient, now, until
from relay.demo.evidence import LOST, OUT, VANISHED, Evidence, Kill, Webhook
from relay.demo.findings import Verdict
from relay.demo.plan import (
    APPENDING,
    POLL,
    WEBHOOK,
    DemoShipment,
    LabelPrint,
    Phase,
    Scan,
)
from relay.demo.processes import Program
from relay.demo.verdict import decide

CONCURRENCY: Final = 8
"""How many shipments take their steps at the same time."""

OUTAGE_SECONDS: Final = 3.0
SLOW: Final = timedelta(milliseconds=400)
"""VTEX's latency at the kill, so that a call is certainly in flight."""

QUICK_MS: Final = 10
QUIET: Final = timedelta(seconds=3)
"""The verdict counts after so long without a call to VTEX."""

CHECK_SECONDS: Final = 0.02
VERDICT_SECONDS: Final = 0.25


@dataclass(slots=True)
class Scenario:
    """One run; `webhooks` are the answers that carriers got so far."""

    plan: Sequence[DemoShipment]
    sandbox: SandboxClient
    relay: RelayClient
    program: Program
    webhooks: list[Webhook] = field(default_factory=list)
    kill: Kill | None = None

    async def prepare(self) -> None:
        """Add the orders to VTEX."""
        await self.sandbox.post("options", {"latencyMs": QUICK_MS})
        await self.sandbox.post("options", {"account": APPENDING, "mode": "append"})
        orders = [shipment.order_body() for shipment in self.plan]
        await self.sandbox.post("orders", orders)

    async def run(self, phase: Phase) -> None:
        """Run one phase to its end."""
        phases: Mapping[Phase, Callable[[], Awaitable[None]]] = {
            Phase.OPENING: self._open,
            Phase.LOST_ANSWER: self._lose_answer,
            Phase.OUTAGE: self._outage,
            Phase.KILL: self._kill,
            Phase.VANISHED: self._vanish,
            Phase.EXCHANGED: self._exchange,
            Phase.APPENDED: self._append,
            Phase.CLOSING: lambda: self._take_steps_and_poll(Phase.CLOSING),
        }
        await phases[phase]()

    async def settled(self, seconds: float) -> Verdict:
        """Wait until all checks pass and VTEX gets no more calls, at most *seconds*.

        Return the verdict; what has failed by then counts as failed.
        """
        calls, quiet_since = -1, now()
        started = now()
        while True:
            verdict = await self.verdict()
            count = len(await self.sandbox.calls())
            if verdict.failed or count != calls:
                calls, quiet_since = count, now()
            elif now() - quiet_since >= QUIET:
                return verdict
            if now() - started >= timedelta(seconds=seconds):
                return verdict
            await asyncio.sleep(VERDICT_SECONDS)

    async def verdict(self) -> Verdict:
        """Return the verdict on what the sandbox has recorded so far."""
        return decide(self.plan, await self.evidence())

    async def evidence(self) -> Evidence:
        """Return everything that the sandbox has recorded so far."""
        return await self.sandbox.evidence(self.webhooks, self.kill)

    async def shipments(self) -> Mapping[str, Any]:
        """Return what the relay shows of each shipment, by order."""
        return {s.order_id: await self.relay.shipment(s) for s in self.plan}

    async def _open(self) -> None:
        await self._take_steps_and_poll(Phase.OPENING)
        started = {s.order_id for s in self.plan if s.starts_in(Phase.OPENING)}

        async def published() -> bool:
            orders = await self.sandbox.orders()
            return started <= {p.order_id for p in orders if p.events}

        await until("the first events of every order", published)

    async def _lose_answer(self) -> None:
        for shipment in self._in(Phase.LOST_ANSWER):
            await self._spoil_next_put(shipment, LOST)
        await self._take_steps_and_poll(Phase.LOST_ANSWER)
        await until("a lost response", lambda: self._hit(LOST))

    async def _spoil_next_put(
        self, shipment: DemoShipment, fault: str, times: int = 1
    ) -> None:
        about = {"account": shipment.account, "orderId": shipment.order_id}
        body = {"kind": fault, "call": "put", "times": times}
        await self.sandbox.post("faults", body | about)

    async def _vanish(self) -> None:
        for shipment in self._in(Phase.VANISHED):
            await self._shown_before_delivery(shipment)
            await self._spoil_next_put(shipment, VANISHED)
        await self._take_steps_and_poll(Phase.VANISHED)
        await until("a call without effect", lambda: self._hit(VANISHED))

    async def leave_stuck(self, shipment: DemoShipment) -> None:
        """Let VTEX keep neither a delivery nor its repair, and wait until it is stuck.

        *shipment* is not part of the plan. Afterwards VTEX is well again.
        """
        await self.sandbox.post("orders", shipment.order_body())
        await self._take(shipment, Phase.OPENING)
        await self._shown_before_delivery(shipment)
        await self._spoil_next_put(shipment, VANISHED, times=2)
        await self._take(shipment, Phase.CLOSING)

        async def stuck() -> bool:
            found = await self.relay.shipment(shipment)
            return bool(found["state"] == "stuck")

        await until("a parcel that is stuck", stuck)

    async def _exchange(self) -> None:
        for shipment in self._in(Phase.EXCHANGED):
            await self._shown_before_delivery(shipment)
            path = f"orders/{shipment.account}/{shipment.order_id}/exchange"
            await self.sandbox.post(path, shipment.exchange_body())
        await self._take_steps_and_poll(Phase.EXCHANGED)

    async def _append(self) -> None:
        """Wait until the relay knows: what it sends before that may be doubled."""
        await self._take_steps_and_poll(Phase.APPENDED)

        async def known() -> bool:
            return await self.relay.list_mode(APPENDING) == "appends"

        await until("the relay to notice that an account appends", known)

    async def _shown_before_delivery(self, shipment: DemoShipment) -> None:
        """Wait until VTEX shows all events before the delivery."""
        expected = shipment.shown_before_delivery

        async def shown() -> bool:
            orders = await self.sandbox.orders()
            events = [p.events for p in orders if p.order_id == shipment.order_id]
            return any(expected <= set(found) for found in events)

        await until(f"the events of {shipment.order_id}", shown)

    async def _outage(self) -> None:
        fault = {"kind": OUT, "status": 502, "seconds": OUTAGE_SECONDS}
        await self.sandbox.post("faults", fault)
        await self._take_steps_and_poll(Phase.OUTAGE)

        async def over() -> bool:
            return not (await self.sandbox.get("faults"))["faults"]

        await until("a call during the outage", lambda: self._hit(OUT))
        await until("the end of the outage", over)

    async def _hit(self, fault: str) -> bool:
        return any(call.fault == fault for call in await self.sandbox.calls())

    async def _kill(self) -> None:
        """Kill the relay while a write is in flight, and restart it.

        Meanwhile carriers and ERP retry their requests. Polls follow afterwards.
        """
        latency = SLOW // timedelta(milliseconds=1)
        await self.sandbox.post("options", {"latencyMs": latency})
        before = max((c.sequence for c in await self.sandbox.calls()), default=0)

        async def writing() -> bool:
            new = await self.sandbox.calls(before)
            return any(c.kind == "put" and c.answered is None for c in new)

        steps = asyncio.create_task(self._take_steps(Phase.KILL))
        # Without a write in flight the kill would prove nothing about lost responses.
        try:
            await until("a write in flight", writing, pause=CHECK_SECONDS)
            self.kill = Kill(now(), SLOW)
            await self.program.kill()
            await self.program.start()
            await self.sandbox.post("options", {"latencyMs": QUICK_MS})
            await steps
        finally:
            steps.cancel()
        await self._poll(Phase.KILL)

    async def _take_steps_and_poll(self, phase: Phase) -> None:
        await self._take_steps(phase)
        await self._poll(phase)

    async def _poll(self, phase: Phase) -> None:
        """Poll the carriers that have new events in *phase*."""
        for shipment in self._in(phase):
            scanned = any(isinstance(step, Scan) for step in shipment.steps[phase])
            if scanned and POLL in shipment.carrier.channels:
                await self.relay.poll_now(shipment)

    async def _take_steps(self, phase: Phase) -> None:
        slots = asyncio.Semaphore(CONCURRENCY)
        try:
            async with asyncio.TaskGroup() as group:
                for shipment in self._in(phase):
                    group.create_task(self._follow(shipment, phase, slots))
        except ExceptionGroup as failed:
            # one shipment's failure ends the demo: report it, not the group
            raise failed.exceptions[0] from None

    def _in(self, phase: Phase) -> list[DemoShipment]:
        return [s for s in self.plan if s.steps.get(phase)]

    async def _follow(
        self, shipment: DemoShipment, phase: Phase, slots: asyncio.Semaphore
    ) -> None:
        async with slots:
            await self._take(shipment, phase)

    async def _take(self, shipment: DemoShipment, phase: Phase) -> None:
        """Take one shipment's steps of *phase*, one after the other."""
        for step in shipment.steps[phase]:
            if isinstance(step, LabelPrint):
                await self.relay.register(shipment, step)
            else:
                await self._scan(shipment, step)

    async def _scan(self, shipment: DemoShipment, scan: Scan) -> None:
        """Add a carrier event through each channel of the carrier."""
        channels = shipment.carrier.channels
        # First for polls: the webhook below may be answered only after a restart.
        if POLL in channels:
            await self.sandbox.scan(shipment, scan)
        if WEBHOOK in channels and not scan.unsent:
            answers = await self.relay.receive(self.sandbox, shipment, scan)
            webhook = Webhook(shipment.order_id, scan.forged, answers)
            self.webhooks.append(webhook)
