"""What tests of polling are given."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.store.database import Database
from tests.inbound.polling.asking import Asked, Polled
from tests.support.clock import Clock
from tests.support.way_in import WayIn

Polling = Callable[..., Polled]


@pytest.fixture
async def polling(
    database: Database, clock: Clock, settings: Callable[..., Settings]
) -> AsyncIterator[Polling]:
    """Make a poller of contract `acme`, with other settings."""
    made: list[Polled] = []

    def make(carrier: Any = None, **contract: Any) -> Polled:
        contract = {"poll_spacing_seconds": 0} | contract
        contracts = settings({"acme": contract}).contracts
        carriers = {"acme": carrier or Asked(clock=clock)}
        polled = Polled(WayIn(database, clock, contracts, carriers))
        made.append(polled)
        return polled

    yield make
    for polled in made:
        for poller in polled.pollers:
            await poller.close()


@pytest.fixture
def polled(polling: Polling) -> Polled:
    """Give a poller of contract `acme` without spacing."""
    return polling()
