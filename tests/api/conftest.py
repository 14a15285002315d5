"""What tests of the API are given."""

from collections.abc import Awaitable, Callable

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from relay.adapters.protocol import Carrier
from relay.config.settings import Settings
from relay.store.database import Database
from tests.api.apis import Api, Woken, application
from tests.support.acme import Acme
from tests.support.clock import Clock

Serving = Callable[..., Awaitable[Api]]
"""Serves the API of settings; `carrier` makes the adapter of each contract."""


@pytest.fixture
def serving(database: Database, clock: Clock, aiohttp_client: AiohttpClient) -> Serving:
    """Serve the API with given settings."""

    async def serve(settings: Settings, carrier: Callable[[], Carrier] = Acme) -> Api:
        woken = Woken()
        app = application(settings, database, clock, woken, carrier)
        return Api(await aiohttp_client(app), app, woken, clock)

    return serve


@pytest.fixture
async def api(serving: Serving, settings: Callable[..., Settings]) -> Api:
    """Serve the API of one account and one contract, without tokens."""
    return await serving(settings())
