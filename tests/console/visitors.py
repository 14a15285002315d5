"""A person at the console, over HTTP: what they see, and the forms that they send."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher

from tests.support import acme
from tests.support.clock import Clock
from tests.support.way_in import WayIn

PASSWORD = "correct horse battery"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""A cheap one: many tests sign in."""
_CSRF = re.compile(r'name="csrf" value="([^"]*)"')
_TAGS = re.compile(r"<[^>]+>")


@dataclass
class Page:
    """An answer: its status, where it is, and its HTML."""

    status: int
    path: str
    html: str

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(unescape(_TAGS.sub(" ", self.html)).split())

    @property
    def csrf(self) -> str:
        found = _CSRF.search(self.html)
        assert found is not None, self.text
        return found[1]


@dataclass
class Visitor:
    """One browser, with its cookies."""

    client: TestClient[web.Request, web.Application]
    clock: Clock

    async def get(self, path: str, **headers: str) -> Page:
        answer = await self.client.get(path, headers={"Accept": "text/html"} | headers)
        return Page(answer.status, answer.url.path, await answer.text())

    async def post(self, path: str, form: Any, **headers: str) -> Page:
        answer = await self.client.post(path, data=form, headers=headers)
        return Page(answer.status, answer.url.path, await answer.text())

    async def sign_in(self, name: str = "maria", password: str = PASSWORD) -> Page:
        return await self.post("/console/sign-in", {"name": name, "password": password})

    async def submit(self, path: str, **fields: str) -> Page:
        """Open the form at *path*, fill it in, and send it."""
        form = await self.get(path)
        assert form.status == 200, form.text
        return await self.post(path, {"csrf": form.csrf} | fields)


async def scan(way_in: WayIn, number: str, text: str = "", code: str = "IT") -> None:
    """Let the carrier report one scan of now."""
    one = acme.scan(number, code, way_in.clock(), text=text)
    await way_in.keep(acme.body(one))
    await way_in.read()
