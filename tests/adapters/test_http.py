"""One question to a carrier: what comes back, and what is a failure."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from relay.adapters import http
from relay.adapters.http import ApiRequest, ApiResponse, seconds_to_wait, send
from relay.adapters.protocol import CarrierFailure

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def echo(request: web.Request) -> web.Response:
    said = {
        "query": [list(pair) for pair in request.query.items()],
        "mark": request.headers.get("X-Mark"),
        "body": await request.text(),
    }
    return web.json_response(said, status=201)


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"cut":')
    assert request.transport is not None
    request.transport.close()
    return response


async def large(_: web.Request) -> web.Response:
    return web.Response(body=b" " * (http.LARGEST_ANSWER + 1))


async def elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPFound("/echo")


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    for path, handler in {"echo": echo, "large": large, "to": elsewhere}.items():
        app.router.add_route("*", f"/{path}", handler)
    app.router.add_get("/cut", cut)
    async with TestServer(app) as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


async def test_a_request_is_sent_as_it_is(
    server: TestServer, session: ClientSession
) -> None:
    url, query = str(server.make_url("/echo")), [("a", "1"), ("a", "2")]
    question = ApiRequest("POST", url, {"X-Mark": "m"}, query, json={"number": 1})
    found = await send(session, question)
    assert found.status == 201
    assert found.received_at.tzinfo is UTC
    assert found.checked(200, 201).value() == {
        "query": [["a", "1"], ["a", "2"]],
        "mark": "m",
        "body": '{"number": 1}',
    }


async def test_a_redirect_is_not_followed(
    server: TestServer, session: ClientSession
) -> None:
    found = await send(session, ApiRequest("GET", str(server.make_url("/to"))))
    with pytest.raises(CarrierFailure, match="answered 302"):
        found.checked(200)


@pytest.mark.parametrize(
    ("path", "says"), [("/cut", "no complete answer"), ("/large", "too large")]
)
async def test_half_an_answer_is_a_failure(
    server: TestServer, session: ClientSession, path: str, says: str
) -> None:
    with pytest.raises(CarrierFailure, match=says):
        await send(session, ApiRequest("GET", str(server.make_url(path))))


async def test_no_connection_is_a_failure_without_credentials(
    session: ClientSession,
) -> None:
    question = ApiRequest("GET", "http://127.0.0.1:1", {"Authorization": "s3cret"})
    assert "s3cret" not in repr(question)
    with pytest.raises(CarrierFailure, match="ClientConnector") as caught:
        await send(session, question)
    assert caught.value.__context__ is None


def made(body: bytes = b"", status: int = 200, **headers: str) -> ApiResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiResponse(status, named, body, NOW)


def test_an_unexpected_status_says_how_long_to_wait() -> None:
    with pytest.raises(CarrierFailure, match="answered 429") as caught:
        made(status=429, Retry_After="120").checked(200)
    assert caught.value.wait == 120
    with pytest.raises(CarrierFailure) as caught:
        made(status=503).checked(200)
    assert caught.value.wait is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"city": "São"}'.encode("utf-8-sig"), "application/json"),
        ('{"city": "São"}'.encode("latin-1"), "application/json;charset=ISO-8859-1"),
        ('{"city": "São"}'.encode("utf-16"), "application/json"),
    ],
)
def test_an_answer_is_read_in_its_charset(body: bytes, kind: str) -> None:
    assert made(body, Content_Type=kind).value() == {"city": "São"}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_failure(body: bytes) -> None:
    with pytest.raises(CarrierFailure, match=r"not JSON \(text/html\)"):
        made(body, Content_Type="text/html").value()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("7", 7.0),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 12:01:00 -0000", 60.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert seconds_to_wait(header, NOW) == seconds


def test_a_question_ends_in_time() -> None:
    assert http.TIMEOUT.total is not None
    assert timedelta(seconds=http.TIMEOUT.total) <= timedelta(minutes=1)
