"""Sessions of signed-in people: a random id in a cookie, everything else stored.

aiohttp-session would do, but it keeps its session under a text key of the request, of
which aiohttp 3.14 warns.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from relay.clock import Clock
from relay.console.origin import is_secure
from relay.store.console_sessions import ConsoleSessions, StoredSession

COOKIE: Final = "relay_console"
PATH: Final = "/console"
CSRF: Final = "csrf"
NOTICE: Final = "notice"
"""What the request before did, shown once."""


@dataclass(slots=True)
class Session:
    """Who is signed in, None for no person, and what is held for them.

    `secret` is the cookie's; without it the session is new. `ended` are secrets whose
    sessions end with this request.
    """

    secret: str | None = None
    person: str | None = None
    content: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    ended: list[str] = field(default_factory=list)

    def begin(self, person: str) -> None:
        """Sign *person* in.

        The id is a new one, so a cookie that another site planted is worth nothing.
        """
        self.end()
        self.person = person
        self.content[CSRF] = secrets.token_urlsafe(32)

    def end(self) -> None:
        """Sign out; no copy of the cookie is worth anything afterwards."""
        if self.secret is not None:
            self.ended.append(self.secret)
        self.secret, self.person, self.content = None, None, {}
        self.changed = True

    def hold(self, key: str, value: Any) -> None:
        """Keep *value* for the next requests."""
        self.content[key] = value
        self.changed = True

    def take(self, key: str) -> Any:
        """Return what is held under *key* and forget it; None for nothing."""
        if key not in self.content:
            return None
        self.changed = True
        return self.content.pop(key)


SESSION: Final = web.RequestKey("console_session", Session)


@dataclass(frozen=True, slots=True)
class SessionKeeper:
    """Loads the session of each request, and stores what was changed."""

    sessions: ConsoleSessions
    clock: Clock
    lasts: timedelta

    def middleware(self) -> Middleware:
        """Return the middleware that does it."""

        @web.middleware
        async def kept(request: web.Request, handler: Handler) -> web.StreamResponse:
            session = request[SESSION] = await self._loaded(request.cookies)
            try:
                answer = await handler(request)
            except web.HTTPException as redirection:
                await self._save(request, redirection, session)
                raise
            if not answer.prepared:
                await self._save(request, answer, session)
            return answer

        return kept

    async def _loaded(self, cookies: Mapping[str, str]) -> Session:
        secret = cookies.get(COOKIE)
        found = await self.sessions.find(secret, self.clock()) if secret else None
        if found is None:
            return Session()
        return Session(secret, found.person, dict(found.content))

    async def _save(
        self, request: web.Request, answer: web.StreamResponse, session: Session
    ) -> None:
        if not session.changed:
            return
        for secret in session.ended:
            await self.sessions.delete(secret)
        if session.person is None:
            answer.del_cookie(COOKIE, path=PATH)
            return
        now = self.clock()
        secret = session.secret or secrets.token_urlsafe(32)
        stored = StoredSession(session.person, session.content, now + self.lasts)
        await self.sessions.save(secret, stored, now)
        if session.secret is None:
            answer.set_cookie(
                COOKIE,
                secret,
                path=PATH,
                httponly=True,
                samesite="Lax",
                secure=is_secure(request),
                max_age=int(self.lasts.total_seconds()),
            )
