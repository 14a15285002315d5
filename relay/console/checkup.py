"""The doctor's findings on the settings page: a command of its own finds them.

It reads files, looks for other processes, and calls VTEX: none of that belongs into the
event loop that answers carriers.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from relay.clock import Clock
from relay.console.keys import USER
from relay.console.security import check_may_act
from relay.logs import logger

LIMIT: Final = timedelta(minutes=2)
"""How long the command may take."""
PATIENCE: Final = timedelta(seconds=8)
"""How long a person waits for it; the page shows the findings later otherwise."""
routes = web.RouteTableDef()

_log = logger(__name__)


class DoctorFinding(BaseModel):
    """One finding, as `relay doctor --json` prints it."""

    subject: str
    level: Literal["ok", "warning", "error"]
    message: str
    hint: str


_FINDINGS: Final = TypeAdapter(tuple[DoctorFinding, ...])


@dataclass(slots=True)
class Checkup:
    """Runs `relay doctor` and keeps its findings, until the process ends.

    *command* is what to run; without one there is no doctor to ask. `failed` says that
    the last run had no result.
    """

    command: Sequence[str]
    clock: Clock
    findings: tuple[DoctorFinding, ...] = ()
    ran_at: datetime | None = None
    failed: bool = False
    _running: asyncio.Task[None] | None = field(default=None)

    @property
    def is_running(self) -> bool:
        """Whether a run has not ended yet."""
        return self._running is not None and not self._running.done()

    async def run(self) -> None:
        """Run the doctor, unless it runs already, and wait a while for its findings."""
        if not self.is_running:
            self._running = asyncio.create_task(self._examine())
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=PATIENCE.total_seconds())

    async def close(self, _: web.Application) -> None:
        """End a run."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _examine(self) -> None:
        try:
            self.findings = _FINDINGS.validate_json(await _output(self.command))
            self.failed = False
        except (OSError, TimeoutError, ValidationError) as error:
            _log.warning("doctor failed", error=type(error).__name__)
            self.findings, self.failed = (), True
        self.ran_at = self.clock()


CHECKUP: Final = web.AppKey("checkup", Checkup)


def visible_checkup(request: web.Request) -> Checkup | None:
    """Return the doctor's findings; None for a person limited to accounts.

    Findings are about all accounts, and the machine.
    """
    checkup = request.app[CHECKUP]
    return checkup if checkup.command and not request[USER].accounts else None


async def _output(command: Sequence[str]) -> bytes:
    """Return what a command prints; end it if it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LIMIT.total_seconds()):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed


@routes.post("/settings/check")
async def check(request: web.Request) -> web.Response:
    """Run the doctor, then show the settings page again."""
    check_may_act(request)
    checkup = visible_checkup(request)
    if checkup is None:
        raise web.HTTPForbidden(text="your role is limited to accounts")
    await checkup.run()
    raise web.HTTPSeeOther("/console/settings#doctor")
