"""The API as tests ask it: a real server over a real database."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from relay.adapters.protocol import Carrier
from relay.api import discovery
from relay.api.application import mount_api
from relay.api.keys import RECEPTION
from relay.api.problems import problems
from relay.config.settings import Settings
from relay.inbound.mapping_trial import MappingTrial
from relay.inbound.reception import Reception
from relay.runtime.wiring import policies
from relay.service.context import ServiceContext, WakeCallbacks
from relay.service.services import Services
from relay.store.database import Database
from relay.store.event_rows import Pace
from relay.store.unread import ReaderTerms
from tests.support.acme import Acme
from tests.support.clock import Clock

Client = TestClient[web.Request, web.Application]

LABEL: dict[str, Any] = {
    "orderId": "1172452900788-01",
    "invoiceNumber": "000012345",
    "trackingNumber": "BR123",
}


@dataclass
class Woken:
    """Counts how often publisher and reader were woken."""

    news: int = 0
    replay: int = 0

    def on_events(self) -> None:
        self.news += 1

    def on_replay(self) -> None:
        self.replay += 1


@dataclass
class Api:
    """One server: its client, its parts, and the wake-ups it gave."""

    client: Client
    app: web.Application
    woken: Woken
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Send *body* as JSON, or bytes as they are; return status and answer."""
        sent: dict[str, Any] = {"json": body} if body is not None else {}
        if isinstance(body, (bytes, io.IOBase)):
            sent = {"data": body}
        answer = await self.client.request(
            method, path, headers=self.headers | headers, **sent
        )
        return answer.status, await answer.json(content_type=None)

    async def register(self, **changed: Any) -> Any:
        """Register the label of these tests, changed; return the answer's body."""
        status, body = await self.call("POST", "/v1/shipments", LABEL | changed)
        assert status in {200, 201}, body
        return body

    async def one(self, id_: str) -> Any:
        """Return a shipment with its timeline."""
        status, body = await self.call("GET", f"/v1/shipments/{id_}")
        assert status == 200, body
        return body


def application(
    settings: Settings,
    database: Database,
    clock: Clock,
    woken: Woken,
    carrier: Callable[[], Carrier] = Acme,
) -> web.Application:
    """Make the application with the routes of the API and the hook only."""
    app = web.Application(middlewares=[problems], client_max_size=100_000)
    terms = ReaderTerms(Pace(), {})
    context = ServiceContext(
        settings=settings,
        carriers={name: carrier() for name in settings.contracts},
        database=database,
        terms=terms,
        clock=clock,
        try_mapping=MappingTrial(database, terms, clock),
        policies=policies,
        wake=WakeCallbacks(woken.on_events, woken.on_replay),
    )
    app[RECEPTION] = Reception(settings.intake, lambda _: None)
    app.add_routes(discovery.routes())
    mount_api(app, Services.build(context))
    return app
