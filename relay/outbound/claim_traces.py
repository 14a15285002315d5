"""Spans of planning and publishing, below the documents that caused them."""

import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from relay.logs import logger
from relay.outbound.publish_log import log_context
from relay.spans import Attributes, Tracing
from relay.store.claims import Claims
from relay.store.planned_claims import Begin
from relay.store.snapshots import Change, Claim

T = TypeVar("T")

log = logger(__name__)


async def in_span(
    tracing: Tracing, name: str, about: Attributes, work: Coroutine[Any, Any, T]
) -> T:
    """Do *work* in a span, if tracing is on."""
    if not tracing.on:
        return await work
    with tracing.span(name, about):
        return await work


@dataclass(slots=True)
class ClaimTraces:
    """Traces the claims of one batch: how each was planned, and its work."""

    tracing: Tracing
    claims: Claims
    _planned: dict[int, tuple[int, int]] = field(default_factory=dict)

    def timed(self, begin: Begin) -> Begin:
        """Return *begin*, with its times noted; planning runs in another thread."""

        def timed(claim: Claim) -> Sequence[Change]:
            begun = time.time_ns()
            try:
                return begin(claim)
            finally:
                self._planned[claim.snapshot.shipment] = (begun, time.time_ns())

        return timed

    async def contexts(self, claims: Sequence[Claim]) -> Mapping[int, str]:
        """Return the contexts of the documents whose events VTEX does not have yet.

        An error is logged only: the claims must be sent whatever happens here.
        """
        try:
            return await self.claims.traces([c.snapshot.shipment for c in claims])
        except Exception as error:  # noqa: BLE001 -- see above
            log.warning("traces not found", error=repr(error))
            return {}

    async def traced(
        self, claim: Claim, work: Coroutine[Any, Any, None], context: str | None
    ) -> None:
        """Do *work* on a claim in a span; calls to VTEX are below it."""
        known = log_context(claim.snapshot).items()
        about = {f"relay.{name}": str(value) for name, value in known}
        with self.tracing.span("publish", about, parent=context):
            times = self._planned.get(claim.snapshot.shipment)
            if times is not None:
                self.tracing.record("plan", times, {})
            await work
