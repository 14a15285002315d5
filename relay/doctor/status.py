"""The status of a relay from outside: of its process, its database and its disk."""

import socket
from dataclasses import replace

from relay.clock import utcnow
from relay.config.problems import InvalidSettings
from relay.config.settings import Settings
from relay.doctor.database import check_database, database_exists, is_usable
from relay.doctor.findings import Check, Severity
from relay.doctor.process import process_state
from relay.health import Health
from relay.runtime.database import opened
from relay.runtime.monitors import DiskMonitor
from relay.runtime.wiring import sqlite_path
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.damage import DamageLog
from relay.service.status import (
    ProcessState,
    StatusService,
    process_line,
    zone_problems,
)
from relay.service.status_models import (
    StatusAnswer,
    StatusProblem,
    answer,
    notable,
    wrong,
)
from relay.store.event_rows import Pace
from relay.store.serving_notes import ServingNote, ServingNotes
from relay.store.unread import ReaderTerms

OPERATOR = Caller("the command line")


async def current_status(
    settings: Settings, no_settings: str | None = None
) -> StatusAnswer:
    """Return the status of a relay, whether it is serving or stopped.

    *no_settings* says that the settings come from nowhere, and what to do.
    """
    stored = await check_database(settings)
    found = [_problem(c) for c in stored if c.level is not Severity.OK]
    if no_settings:
        message, _, hint = no_settings.partition("; ")
        found.insert(0, notable(message, hint))
    notes = await serving_notes(settings, stored)
    process = _with(await process_state(settings, notes), found)
    return await stored_status(settings, process, stored)


def with_invalid_settings(
    found: StatusAnswer, invalid: InvalidSettings
) -> StatusAnswer:
    """Return *found* with the problems of the settings, which a start would refuse.

    A running relay goes on with the old ones; its accounts and contracts are unknown.
    """
    problems = tuple(wrong(f"{f.key}: {f.wrong}", f.hint) for f in invalid.findings)
    relay = found.lines[0]
    relay = relay.model_copy(
        update={"ok": False, "problems": (*problems, *relay.problems)}
    )
    return found.model_copy(update={"ok": False, "lines": (relay, *found.lines[1:])})


async def serving_notes(settings: Settings, stored: list[Check]) -> list[ServingNote]:
    """Return where relays of this machine were started that serve the database.

    *stored* are the findings about it.
    """
    if not (is_usable(settings, stored) and await database_exists(settings)):
        return []
    async with opened(settings) as database:
        return await ServingNotes(database).of(socket.gethostname())


async def stored_status(
    settings: Settings, process: ProcessState, stored: list[Check]
) -> StatusAnswer:
    """Return the status of *process* and of what is stored.

    *stored* are the findings about the database: one that cannot be used leaves the
    relay's line only.
    """
    process = _with(process, await disk_problems(settings))
    if is_usable(settings, stored) and await database_exists(settings):
        return await _read(settings, process)
    process = _with(process, list(zone_problems(settings)))
    return answer((process_line(process),), utcnow())


async def _read(settings: Settings, process: ProcessState) -> StatusAnswer:
    async with opened(settings) as database:
        context = ServiceContext(
            settings=settings,
            carriers={},
            database=database,
            terms=ReaderTerms(Pace(), {}),
            damage=DamageLog(log=False),
        )
        return await StatusService(context).status(OPERATOR, process)


async def disk_problems(settings: Settings) -> list[StatusProblem]:
    """Return a problem if the disk of an SQLite file is nearly full."""
    folder = sqlite_path(settings).absolute().parent
    if not settings.database.startswith("sqlite:") or not folder.is_dir():
        return []
    health = Health()
    await DiskMonitor(folder, health, settings.disk_free_mb).step()
    return [wrong(r, "free some space; the data is safe") for r in health.reasons()]


def _with(process: ProcessState, found: list[StatusProblem]) -> ProcessState:
    """Return *process* with further problems, each of them once."""
    problems = dict.fromkeys((*process.problems, *found))
    return replace(process, problems=tuple(problems))


def _problem(check: Check) -> StatusProblem:
    """Return a finding as a problem of the relay's line."""
    made = wrong if check.level is Severity.ERROR else notable
    return made(f"{check.subject}: {check.message}", check.hint)
