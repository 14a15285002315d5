"""The carriers' door, over real HTTP."""

import gzip
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs
from yarl import URL

from relay.api import webhooks
from relay.api.content import SERVER
from relay.api.keys import INTAKE
from relay.api.problems import AccessLogger, problems
from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull
from relay.inbound.intake import Intake
from relay.store.worklist_queries import WorkList
from relay.store.worklists import WorkListFilter, WorkLists
from tests.support import acme
from tests.support.way_in import WayIn

SECRET = "0123456789abcdef-in-the-address"
Door = Callable[[Intake], Any]


@pytest.fixture
async def channel() -> AsyncIterator[Door]:
    """Open the door to an intake; close every one at the end."""
    clients: list[TestClient[Any, Any]] = []

    async def opened(intake: Intake) -> TestClient[Any, Any]:
        app = web.Application(middlewares=[webhooks.observe, problems])
        app[INTAKE] = intake
        app.add_routes(webhooks.routes())
        server = TestServer(app)
        await server.start_server(access_log_class=AccessLogger, **SERVER)
        clients.append(TestClient(server))
        return clients[-1]

    yield opened
    for client in clients:
        await client.close()


async def answered(response: Any) -> tuple[int, Any]:
    async with response as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_webhook_is_kept_and_answered(
    way_in: WayIn, channel: Door, method: str
) -> None:
    client = await channel(way_in.intake())
    sent = client.request(
        method, "/webhooks/acme", data=b"{}", headers=acme.signed(b"{}")
    )
    async with sent as answer:
        assert (answer.status, await answer.read()) == (200, b"{}")
        assert answer.headers["Content-Type"] == "application/json"
    (row,) = await way_in.rows("documents")
    assert (row["contract"], row["body"]) == ("acme", b"{}")


@pytest.mark.parametrize(
    "path", ["//webhooks/acme", "///webhooks//acme/", "//webhooks/acme//"]
)
async def test_doubled_slashes_are_one_wherever_they_are(
    way_in: WayIn, channel: Door, path: str
) -> None:
    client = await channel(way_in.intake())
    # A path that begins with two slashes is an authority to every URL parser.
    address = URL.build(
        scheme="http", host="127.0.0.1", port=client.port, path=path, encoded=True
    )
    sent = client.session.post(address, data=b"{}", headers=acme.signed(b"{}"))
    assert (await answered(sent))[0] == 200
    (row,) = await way_in.rows("documents")
    assert row["contract"] == "acme"


async def test_a_large_body_comes_whole(way_in: WayIn, channel: Door) -> None:
    client = await channel(way_in.intake())
    body = bytes(range(256)) * 2000
    headers = acme.signed(body)
    sent = client.post("/webhooks/acme", data=body, headers=headers)
    assert (await answered(sent))[0] == 200
    (row,) = await way_in.rows("documents")
    assert row["body"] == body


async def test_a_carriers_own_answer_goes_out_as_it_is(
    way_in: WayIn, channel: Door
) -> None:
    way_in.carriers["acme"] = acme.Replying()
    client = await channel(way_in.intake())
    sent = client.post("/webhooks/acme", data=b"{}", headers=acme.signed(b"{}"))
    async with sent as answer:
        assert (answer.status, await answer.read()) == (202, b"<ok/>")
        assert answer.headers["Content-Type"] == "text/xml"


async def test_a_forged_webhook_is_refused(way_in: WayIn, channel: Door) -> None:
    intake = way_in.intake()
    client = await channel(intake)
    status, problem = await answered(client.post("/webhooks/acme", data=b"{}"))
    assert (status, problem["title"]) == (401, "Verification failed")
    await intake.close()


async def test_an_unknown_contract_is_not_found(way_in: WayIn, channel: Door) -> None:
    client = await channel(way_in.intake())
    for path in ("/webhooks/nobody", f"/webhooks/nobody/{SECRET}"):
        status, problem = await answered(client.post(path, data=b"{}"))
        assert (status, problem["title"]) == (404, "Unknown contract")
        assert SECRET not in str(problem)


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(5):
        yield b"x" * 1000


async def test_a_body_over_the_limit_is_refused(way_in: WayIn, channel: Door) -> None:
    client = await channel(way_in.intake(limits=Limits(body_limit=3000)))
    squeezed = gzip.compress(b"x" * 10_000)
    bodies: list[tuple[Any, dict[str, str]]] = [
        (b"x" * 3001, {}),
        (chunks(), {}),
        (squeezed, {"Content-Encoding": "gzip"}),
    ]
    for body, headers in bodies:
        sent = client.post("/webhooks/acme", data=body, headers=headers)
        assert (await answered(sent))[0] == 413
    fits = b"x" * 3000
    sent = client.post("/webhooks/acme", data=fits, headers=acme.signed(fits))
    assert (await answered(sent))[0] == 200


async def test_a_body_signed_as_sent_is_verified_as_sent(
    way_in: WayIn, channel: Door
) -> None:
    client = await channel(way_in.intake())
    content = b'{"scans": []}'
    for sent in (gzip.compress(content), gzip.compress(b"") + gzip.compress(content)):
        for signed in (sent, content):
            headers = acme.signed(signed) | {"Content-Encoding": "gzip"}
            posted = client.post("/webhooks/acme", data=sent, headers=headers)
            assert (await answered(posted))[0] == 200
        forged = acme.signed(b"other") | {"Content-Encoding": "gzip"}
        posted = client.post("/webhooks/acme", data=sent, headers=forged)
        assert (await answered(posted))[0] == 401
    rows = await way_in.rows("documents")
    assert [row["body"] for row in rows] == [content] * 4


RAW = zlib.compressobj(wbits=-15)
DEFLATED = {
    "zlib": zlib.compress(b"{}"),
    "raw": RAW.compress(b"{}") + RAW.flush(),
}


@pytest.mark.parametrize("form", DEFLATED)
async def test_both_forms_of_deflate_are_read(
    way_in: WayIn, channel: Door, form: str
) -> None:
    client = await channel(way_in.intake())
    headers = acme.signed(b"{}") | {"Content-Encoding": "deflate"}
    posted = client.post("/webhooks/acme", data=DEFLATED[form], headers=headers)
    assert (await answered(posted))[0] == 200


@pytest.mark.parametrize(
    "broken",
    [
        ("gzip", b"not gzip", 400),
        ("gzip", gzip.compress(b"{}")[:-9], 400),
        ("gzip", gzip.compress(b"{}") + b"more", 400),
        ("deflate", b"\xff\xff", 400),
        ("br", b"{}", 415),
        ("zstd", b"{}", 415),
        ("compress", b"{}", 415),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}")), 415),
    ],
)
async def test_a_body_that_cannot_be_decompressed_is_the_callers_error(
    way_in: WayIn,
    channel: Door,
    caplog: pytest.LogCaptureFixture,
    broken: tuple[str, bytes, int],
) -> None:
    encoding, body, status = broken
    client = await channel(way_in.intake())
    headers = acme.signed(body) | {"Content-Encoding": encoding}
    with caplog.at_level(logging.DEBUG), capture_logs() as logged:
        for _ in range(2):
            sent = client.post("/webhooks/acme", data=body, headers=headers)
            found, problem = await answered(sent)
            assert (found, bool(problem["hint"])) == (status, True)
    assert logged == []
    assert all(r.levelno <= logging.INFO and not r.exc_info for r in caplog.records)


async def test_a_full_backlog_asks_the_carrier_to_come_again(
    way_in: WayIn, channel: Door
) -> None:
    intake = way_in.intake(limits=Limits(backlog_bytes=10))
    client = await channel(intake)
    async with client.post("/webhooks/acme", data=b"x" * 11) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_every_refused_request_is_counted(way_in: WayIn, channel: Door) -> None:
    intake = way_in.intake(limits=Limits(body_limit=10))
    client = await channel(intake)
    for method, path, size in (
        ("POST", "/webhooks/acme", 1),
        ("POST", "/webhooks/acme", 11),
        ("GET", "/webhooks/acme", 0),
        ("POST", "/webhooks/acme/a/b/c", 0),
        ("POST", "/webhooks/other-1", 0),
        ("POST", "/webhooks/other-2", 0),
        ("POST", "/webhooks", 0),
        ("POST", "/elsewhere", 0),
    ):
        async with client.request(method, path, data=b"x" * size) as answer:
            assert answer.status >= 400
    counted = [
        line.partition("{")[2]
        for line in intake.metrics.text().decode().splitlines()
        if line.startswith("relay_webhooks_refused_total")
    ]
    assert sorted(counted) == [
        'contract="acme",status="401"} 1.0',
        'contract="acme",status="404"} 1.0',
        'contract="acme",status="405"} 1.0',
        'contract="acme",status="413"} 1.0',
        'contract="unknown contract",status="404"} 3.0',
    ]
    await intake.close()


async def test_every_refused_request_is_listed_without_a_secret(
    way_in: WayIn, channel: Door
) -> None:
    intake = way_in.intake(limits=Limits(body_limit=10))
    client = await channel(intake)
    sent: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("POST", "/webhooks/acme", b"{}", {}),
        ("POST", "/webhooks/acme", b"x" * 11, {}),
        ("POST", "/webhooks/acme", b"x", {"Content-Encoding": "br"}),
        ("POST", "/webhooks/acme", b"x", {"Content-Encoding": "gzip"}),
        ("DELETE", "/webhooks/acme", b"", {}),
        ("POST", f"/webhooks/acme/{SECRET}/more", b"", {}),
        ("POST", "/webhooks/acmee", b"", {}),
        ("POST", f"/webhooks/{SECRET}", b"", {}),
    ]
    for method, path, body, headers in [*sent, sent[0]]:
        answer = client.request(method, path, data=body, headers=headers)
        assert (await answered(answer))[0] >= 400
    await intake.close()

    listed = await WorkLists(way_in.database).page(
        WorkList.REFUSED, WorkListFilter({}), way_in.clock(), limit=20
    )
    found = {
        (r["contract"], r["path"], r["method"], r["status"]): r["requests"]
        for r in listed.rows
    }
    acme_ = "/webhooks/acme"
    assert found == {
        ("acme", acme_, "POST", 401): 2,
        ("acme", acme_, "POST", 413): 1,
        ("acme", acme_, "POST", 415): 1,
        ("acme", acme_, "POST", 400): 1,
        ("acme", acme_, "DELETE", 405): 1,
        ("acme", f"{acme_}/[redacted]", "POST", 404): 1,
        ("", "/webhooks/acmee", "POST", 404): 1,
        ("", "/webhooks/[redacted]", "POST", 404): 1,
    }
    hints = {r["path"]: r["hint"] for r in listed.rows}
    assert hints["/webhooks/acmee"] == "did you mean `/webhooks/acme`?"
    assert SECRET not in str(listed.rows)


@pytest.mark.parametrize(
    "path",
    ["/webhooks/acme/", "/webhooks//acme", "/webhooks//acme//", "/webhooks/acme///"],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_odd_slashes_in_the_address_are_ignored(
    way_in: WayIn, channel: Door, path: str, method: str
) -> None:
    client = await channel(way_in.intake())
    sent = client.request(method, path, data=b"{}", headers=acme.signed(b"{}"))
    assert (await answered(sent))[0] == 200
    (row,) = await way_in.rows("documents")
    assert row["contract"] == "acme"


async def test_odd_slashes_around_a_secret_never_log_it(
    way_in: WayIn, settings: Any, channel: Door, caplog: pytest.LogCaptureFixture
) -> None:
    contract = {"verification": "url", "url_secret": SECRET}
    way_in.contracts = settings({"acme": contract}).contracts
    intake = way_in.intake()
    client = await channel(intake)
    paths = (f"/webhooks/acme/{SECRET}/", f"/webhooks//acme//{SECRET}//")
    with caplog.at_level(logging.DEBUG):
        for path in paths:
            assert (await answered(client.post(path, data=b"{}")))[0] == 200
        for wrong in ("/webhooks/acme//", f"/webhooks/acme//x{SECRET}/"):
            assert (await answered(client.post(wrong, data=b"{}")))[0] == 401
        async with client.post(f"/webhooks/acme/{SECRET}/more") as answer:
            assert answer.status == 404
    assert SECRET not in caplog.text
    await intake.close()


async def test_a_body_over_the_limit_is_never_asked_for_again(
    way_in: WayIn, channel: Door
) -> None:
    limits = Limits(body_limit=10, backlog_bytes=20)
    client = await channel(way_in.intake(limits=limits))
    async with client.post("/webhooks/acme", data=b"x" * 21) as answer:
        assert answer.status == 413


async def test_a_secret_in_the_address_is_never_logged(
    way_in: WayIn, settings: Any, channel: Door, caplog: pytest.LogCaptureFixture
) -> None:
    contract = {"verification": "url", "url_secret": SECRET}
    way_in.contracts = settings({"acme": contract}).contracts
    client = await channel(way_in.intake())
    with caplog.at_level(logging.DEBUG):
        assert (await answered(client.post(f"/webhooks/acme/{SECRET}")))[0] == 200
        async with client.post(f"/webhook/acme/{SECRET}") as answer:
            assert answer.status == 404
        async with client.get(f"/webhooks/acme/{SECRET}") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST, PUT")
    lines = [r.getMessage() for r in caplog.records if r.name == "aiohttp.access"]
    assert lines[0].startswith("POST /webhooks/{contract}/{secret} 200 in ")
    assert lines[1].startswith("POST no route 404 in ")
    assert lines[2].startswith("GET /webhooks/{contract}/{secret} 405 in ")
    assert SECRET not in caplog.text


async def test_what_went_well_is_logged_for_debugging_only(
    way_in: WayIn, channel: Door, caplog: pytest.LogCaptureFixture
) -> None:
    intake = way_in.intake()
    client = await channel(intake)
    with caplog.at_level(logging.INFO):
        sent = client.post("/webhooks/acme", data=b"{}", headers=acme.signed(b"{}"))
        assert (await answered(sent))[0] == 200
        assert (await answered(client.post("/webhooks/acme")))[0] == 401
    lines = [r for r in caplog.records if r.name == "aiohttp.access"]
    assert [r.args[2] for r in lines if r.args] == [401]
    await intake.close()


async def test_an_error_nobody_expected_shows_nothing(
    way_in: WayIn, channel: Door
) -> None:
    intake = way_in.intake()

    async def fails(*_: Any) -> Any:
        raise KeyError("inner things")

    intake.accept = fails  # type: ignore[method-assign]
    client = await channel(intake)
    status, problem = await answered(client.post("/webhooks/acme"))
    assert (status, problem["title"]) == (500, "Internal error")
    assert "inner things" not in str(problem)


async def test_the_refusal_names_what_to_do(way_in: WayIn, channel: Door) -> None:
    intake = way_in.intake()

    async def full(*_: Any) -> Any:
        raise BacklogFull("the store refuses: nothing was kept")

    intake.accept = full  # type: ignore[method-assign]
    client = await channel(intake)
    status, problem = await answered(client.post("/webhooks/acme"))
    assert (status, problem["detail"]) == (503, "the store refuses: nothing was kept")


async def test_the_duration_of_each_answer_is_measured(
    way_in: WayIn, channel: Door
) -> None:
    intake = way_in.intake()
    client = await channel(intake)
    for path in ("/webhooks/acme", "/webhooks/acme", "/webhooks/x", "/elsewhere"):
        async with client.post(path, data=b"x") as answer:
            assert answer.status >= 400
    intake.observe_answer("/webhooks/acme", 0.3)
    lines = intake.metrics.text().decode().splitlines()
    name = "relay_webhook_duration_seconds"
    for contract, count in (("acme", 3), ("unknown contract", 1)):
        assert f'{name}_count{{contract="{contract}"}} {count}.0' in lines
    for below, count in (("0.25", 2), ("0.5", 3)):
        assert f'{name}_bucket{{contract="acme",le="{below}"}} {count}.0' in lines
    assert not any("refused" in line and 'status="200"' in line for line in lines)
