"""Find the serving process: by the database's lock, and by its readiness probe."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from relay.clock import utcnow
from relay.config.settings import Settings
from relay.runtime.wiring import sqlite_path
from relay.service.status import NOTE_HINT, ProcessState, not_ready, noted
from relay.service.status_models import StatusProblem, notable, wrong
from relay.store.serving_lock import LockState, serving_lock
from relay.store.serving_notes import ServingNote

PATIENCE: Final = ClientTimeout(total=8)
"""Longer than `/readyz` waits for the database."""
STARTS_WITHIN: Final = 3
"""Seconds in which a relay that has the lock must listen."""
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared
"""Addresses that listen at every interface, and where this machine reaches them."""
_MOVED: Final = (
    "name the PostgreSQL database in the settings, and start it: relay serve"
)
_FREE: Final = LockState(held=False, clean=True, changed_at=None)
_START: Final = "start it: relay serve"


@dataclass(frozen=True, slots=True)
class Probed:
    """What `/readyz` answered: None if it does not answer as a relay does."""

    body: dict[str, Any] | None


async def process_state(
    settings: Settings, notes: Sequence[ServingNote] = ()
) -> ProcessState:
    """Return whether a relay serves these settings, and what is wrong with it.

    *notes* say where relays were started that serve the same database.
    """
    probed, lock = await _probe(settings), _lock(settings)
    for _ in range(STARTS_WITHIN):
        if probed.body is not None or not lock.held:
            break
        if (elsewhere := await _elsewhere(settings, notes, lock)) is not None:
            return elsewhere
        await asyncio.sleep(1)  # it may be starting
        probed, lock = await _probe(settings), _lock(settings)
    where = settings.listen
    if probed.body is not None:
        note = next((n for n in notes if n.listen == where), None)
        return _serving(probed.body, lock, settings, note)
    elsewhere = await _elsewhere(settings, notes, lock)
    if elsewhere is not None:
        return elsewhere
    if lock.held:
        message = (
            f"another process serves this database, but {where} does not answer: "
            "`relay serve` will refuse to start"
        )
        hint = "find it with `fuser` on the lock file; stop it if it hangs"
        problem = wrong(message, hint)
        return ProcessState(False, "started", lock.changed_at, (problem,))
    return _stopped(lock, _cannot_bind(settings))


async def _elsewhere(
    settings: Settings, notes: Sequence[ServingNote], lock: LockState
) -> ProcessState | None:
    """Return the state of a relay that answers at the address of one of *notes*."""
    for note in notes:
        if note.listen != settings.listen:
            there = settings.model_copy(update={"listen": note.listen})
            probed = await _probe(there)
            if probed.body is not None:
                listen = f"listen (file {settings.listen}, running {note.listen})"
                known = any(one.startswith("listen ") for one in note.restart)
                restart = note.restart if known else (listen, *note.restart)
                return _serving(
                    probed.body, lock, there, replace(note, restart=restart)
                )
    return None


def _serving(
    body: dict[str, Any],
    lock: LockState,
    settings: Settings,
    note: ServingNote | None = None,
) -> ProcessState:
    """Return the state of a relay that answered its readiness probe."""
    reasons = [str(reason) for reason in body.get("reasons", ())]
    problems = [not_ready(reason) for reason in reasons]
    if note is not None and note.restart:
        message = f"settings changed that need a restart: {', '.join(note.restart)}"
        problems.append(notable(message, NOTE_HINT))
    else:
        problems += [noted(str(note)) for note in body.get("notes", ())]
    if settings.database.startswith("sqlite:") and not lock.held:
        message = (
            f"the relay at {settings.listen} serves another database, or its lock "
            "file was removed"
        )
        hint = (
            "use its settings, or another `listen`: `relay serve` cannot start; if the "
            "lock file was removed, restart the relay"
        )
        problems.append(wrong(message, hint))
    when = utcnow() if not reasons else _time(body.get("lastReadyAt"))
    return ProcessState(True, "was ready", when, tuple(problems))


def _stopped(lock: LockState, blocked: StatusProblem | None) -> ProcessState:
    """Return the state without a serving process."""
    if blocked is not None:
        return ProcessState(False, "stopped", lock.changed_at, (blocked,))
    if lock.changed_at is None:
        text = "has never run here"
    elif not lock.readable:
        text = "unknown: its lock file cannot be read; it started or stopped"
    elif lock.moved:
        text = "stopped; its rows were moved to PostgreSQL"
    elif lock.restored:
        text = "stopped; a backup was restored"
    else:
        text = "stopped" if lock.clean else "was killed; it started"
    problem = wrong("not running on this machine", _MOVED if lock.moved else _START)
    return ProcessState(False, text, lock.changed_at, (problem,))


def can_start(state: ProcessState) -> bool:
    """Whether nothing but a start is missing."""
    return [problem.hint for problem in state.problems] == [_START]


def _lock(settings: Settings) -> LockState:
    if not settings.database.startswith("sqlite:"):
        return _FREE
    return serving_lock(sqlite_path(settings))


async def _probe(settings: Settings) -> Probed:
    host, port = settings.listen_at
    host = EVERYWHERE.get(host, host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz"
    try:
        async with (
            ClientSession(timeout=PATIENCE) as session,
            session.get(address) as answer,
        ):
            body = await answer.json(content_type=None)
    except (ClientError, OSError, TimeoutError, ValueError):
        return Probed(None)
    return Probed(body if isinstance(body, dict) and "ready" in body else None)


def _cannot_bind(settings: Settings) -> StatusProblem | None:
    """Return why a relay could not listen; None if it could."""
    host, port = settings.listen_at
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
            tried.listen()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            message = f"cannot bind to {settings.listen}: {why}"
            taken = error.errno == errno.EADDRINUSE
            hint = "stop the other program, or" if taken else "check the address, or"
            return wrong(message, f"{hint} use another `listen`")
    return None


def _time(text: object) -> datetime | None:
    """Return the time of a JSON text, None if there is none."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None
