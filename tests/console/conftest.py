"""What tests of the console are given."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from relay.api.keys import SERVICES
from relay.api.process import Process
from relay.config.settings import Settings
from relay.console.application import mount_console
from relay.store.database import Database
from tests.api.apis import Api, Woken, application
from tests.console.visitors import HASH, Visitor
from tests.support.acme import Acme
from tests.support.clock import Clock

USERS = {
    "maria": {"password_hash": HASH, "role": "act", "language": "en"},
    "vera": {"password_hash": HASH, "role": "view", "language": "en"},
    "otto": {
        "password_hash": HASH,
        "role": "act",
        "language": "en",
        "accounts": ["other"],
    },
}
ACCOUNTS = {
    name: {"app_key": "key-of-the-store", "app_token": "token-of-the-store"}
    for name in ("store", "other")
}
Opening = Callable[..., Awaitable[Visitor]]


@pytest.fixture
def opening(
    database: Database,
    clock: Clock,
    settings: Callable[..., Settings],
    aiohttp_client: AiohttpClient,
) -> Opening:
    """Serve API and console, with given settings; return a browser at it."""

    async def opened(
        doctor: Sequence[str] = (), contract: Any = None, **tables: Any
    ) -> Visitor:
        given = {"users": USERS, "accounts": ACCOUNTS} | tables
        acme = {"accounts": ["store", "other"]} | (contract or {})
        made = settings({"acme": acme}, **given)
        app = application(made, database, clock, Woken(), Acme)
        mount_console(app, app[SERVICES], Process(), doctor)
        return Visitor(await aiohttp_client(app), clock)

    return opened


@pytest.fixture
async def visitor(opening: Opening) -> Visitor:
    """Return a browser at a console with three people and two accounts."""
    return await opening()


@pytest.fixture
async def maria(visitor: Visitor) -> Visitor:
    """Return a browser whose person is signed in and may act."""
    await visitor.sign_in()
    return visitor


@pytest.fixture
def api(visitor: Visitor) -> Api:
    """Return the API of the same relay, without tokens."""
    app = visitor.client.app
    assert app is not None
    return Api(visitor.client, app, Woken(), visitor.clock)
