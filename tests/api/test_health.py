"""Readiness tells the truth, with reasons."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from relay.adapters.protocol import WebhookRequest
from relay.api import health, keys
from relay.api.process import Process
from relay.config.settings import Settings
from relay.errors import VerificationFailed
from relay.inbound.intake import Intake
from relay.inbound.rejection_runs import RUN
from relay.service.context import ServiceContext
from relay.service.services import Services
from relay.store.event_rows import Pace
from relay.store.unread import ReaderTerms
from tests.support.way_in import WayIn


async def asked(
    way_in: WayIn, path: str, database: Any = None, intake: Intake | None = None
) -> tuple[int, dict[str, Any]]:
    app = web.Application()
    context = ServiceContext(
        settings=Settings(),
        carriers=way_in.carriers,
        database=database or way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=way_in.clock,
    )
    app[keys.SERVICES] = Services.build(context)
    app[keys.PROCESS] = Process(way_in.health)
    app[keys.INTAKE] = intake or way_in.intake()
    app.add_routes(health.routes())
    async with TestClient(TestServer(app)) as client, client.get(path) as answer:
        return answer.status, await answer.json()


async def test_a_process_that_answers_is_alive(way_in: WayIn) -> None:
    assert await asked(way_in, "/healthz") == (200, {"alive": True})


async def test_it_is_ready_and_says_how_much_waits(way_in: WayIn) -> None:
    await way_in.keep(b"1", b"2")
    way_in.clock.advance(timedelta(seconds=7))
    assert await asked(way_in, "/readyz") == (
        200,
        {"ready": True, "reasons": [], "unread": {"documents": 2, "oldestSeconds": 7}},
    )


async def test_nothing_unread_has_no_age(way_in: WayIn) -> None:
    _, body = await asked(way_in, "/readyz")
    assert body["unread"] == {"documents": 0, "oldestSeconds": 0}


async def test_rejected_webhooks_are_a_warning_and_no_reason(way_in: WayIn) -> None:
    intake = way_in.intake()
    for _ in range(RUN):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", WebhookRequest({}, b"{}"))
    status, body = await asked(way_in, "/readyz", intake=intake)
    assert (status, body["ready"], body["reasons"]) == (200, True, [])
    (warning,) = body["warnings"]
    assert warning.startswith("requests with no signature to the webhooks of 1 ")
    assert "acme" not in warning  # it is answered without a token
    await intake.close()


async def test_documents_that_wait_too_long_are_a_reason(way_in: WayIn) -> None:
    await way_in.keep(b"1")
    way_in.clock.advance(timedelta(minutes=6))
    status, body = await asked(way_in, "/readyz")
    assert (status, body["ready"]) == (503, False)
    assert body["reasons"] == [
        "reader: documents have been waiting for more than 0:05:00"
    ]


async def test_a_database_that_does_not_answer_is_a_reason(way_in: WayIn) -> None:
    class Gone:
        def reading(self) -> None:
            raise ConnectionRefusedError

    status, body = await asked(way_in, "/readyz", Gone())
    assert status == 503
    assert body["reasons"] == ["database: no answer (ConnectionRefusedError)"]
    assert "unread" not in body


async def test_a_store_that_refused_is_tried_again(way_in: WayIn) -> None:
    way_in.health.report_problem("store", "could not store documents")
    assert (await asked(way_in, "/readyz"))[0] == 200


async def test_other_troubles_stay_until_they_are_over(way_in: WayIn) -> None:
    way_in.health.report_problem("reader", "an adapter hangs")
    status, body = await asked(way_in, "/readyz")
    assert (status, body["reasons"]) == (503, ["reader: an adapter hangs"])
    way_in.health.clear_problem("reader")
    assert (await asked(way_in, "/readyz"))[0] == 200
