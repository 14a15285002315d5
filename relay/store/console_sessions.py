"""Sessions of people at the console: they end by time, or when they sign out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from relay.clock import micros, moment
from relay.store.codec import dumps, loads
from relay.store.database import Database


@dataclass(frozen=True, slots=True)
class StoredSession:
    """Who is signed in, what the session holds, and when it ends."""

    person: str
    content: Mapping[str, Any]
    ends_at: datetime


class ConsoleSessions:
    """Sessions by the secret in the cookie, of which only a digest is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, secret: str, now: datetime) -> StoredSession | None:
        """Return the session of *secret*, unless it has ended."""
        async with self._database.reading() as tx:
            row = await tx.row(
                "console_session", session=_digest(secret), now=micros(now)
            )
        if row is None:
            return None
        return StoredSession(
            row["person"], loads(row["content"]), moment(row["ends_at"])
        )

    async def save(self, secret: str, session: StoredSession, now: datetime) -> None:
        """Store a session, and delete those that have ended."""
        async with self._database.writing() as tx:
            await tx.run("delete_ended_console_sessions", now=micros(now))
            await tx.run(
                "save_console_session",
                session=_digest(secret),
                person=session.person,
                content=dumps(dict(session.content)),
                ends_at=micros(session.ends_at),
            )

    async def delete(self, secret: str) -> None:
        """End a session."""
        async with self._database.writing() as tx:
            await tx.run("delete_console_session", session=_digest(secret))


def _digest(secret: str) -> str:
    """Return what is stored of a secret, which is random and long."""
    return sha256(secret.encode()).hexdigest()
