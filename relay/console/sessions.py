"""Sessions of signed-in people: a random id in a cookie, everything else stored."""

import secrets
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from aiohttp_session import AbstractStorage, Session, get_session, new_session

from relay.clock import Clock
from relay.console.origin import is_secure
from relay.store.console_sessions import ConsoleSessions, StoredSession

COOKIE: Final = "relay_console"
PATH: Final = "/console"
PERSON: Final = "person"
CSRF: Final = "csrf"
NOTICE: Final = "notice"
"""What the request before did, shown once."""
STORED: Final = web.AppKey("stored_sessions", ConsoleSessions)


class DatabaseSessions(AbstractStorage):
    """Keeps sessions in the database; signing out ends them for every copy."""

    def __init__(
        self, sessions: ConsoleSessions, clock: Clock, lasts: timedelta
    ) -> None:
        super().__init__(cookie_name=COOKIE, path=PATH)
        self._sessions = sessions
        self._clock = clock
        self._lasts = lasts

    async def load_session(self, request: web.Request) -> Session:
        """Return the session of the request's cookie, else an empty one."""
        secret = self.load_cookie(request)
        found = await self._sessions.find(secret, self._clock()) if secret else None
        if found is None:
            return Session(None, data=None, new=True)
        held: dict[str, Any] = {**found.content, PERSON: found.person}
        return Session(secret, data={"session": held}, new=False)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        """Store a changed session, and set or delete the cookie."""
        if PERSON not in session:
            if session.identity is not None:
                await self._sessions.delete(session.identity)
            response.del_cookie(COOKIE, path=PATH)
            return
        now = self._clock()
        secret = session.identity or secrets.token_urlsafe(32)
        held = {key: value for key, value in session.items() if key != PERSON}
        stored = StoredSession(session[PERSON], held, now + self._lasts)
        await self._sessions.save(secret, stored, now)
        if session.identity is None:
            response.set_cookie(
                COOKIE,
                secret,
                path=PATH,
                httponly=True,
                samesite="Lax",
                secure=is_secure(request),
                max_age=int(self._lasts.total_seconds()),
            )


async def sign_in(request: web.Request, person: str) -> None:
    """Begin a session of *person*.

    It gets a new id, so a cookie that another site planted is worth nothing.
    """
    before = await get_session(request)
    if before.identity is not None:
        await request.app[STORED].delete(before.identity)
    session = await new_session(request)
    session[PERSON] = person
    session[CSRF] = secrets.token_urlsafe(32)


async def sign_out(request: web.Request) -> None:
    """End the session."""
    (await get_session(request)).invalidate()


async def notice(request: web.Request, text: str) -> None:
    """Show *text* on the next page."""
    (await get_session(request))[NOTICE] = text


async def taken_notice(request: web.Request) -> str:
    """Return the text to show now, '' for none; it is shown once."""
    session = await get_session(request)
    found: str = session.get(NOTICE, "")
    if found:
        del session[NOTICE]
    return found
