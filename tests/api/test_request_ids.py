"""Answers and log lines can be matched: request ids, callers, codes."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from relay.api import problem_pages
from relay.api.problems import problems
from relay.config.settings import Settings
from relay.problem_codes import ProblemCode, WarningCode
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving

ROOT = "/v1/shipments"
HEADER = "X-Request-Id"
OWN = re.compile(r"[0-9a-f]{32}")


async def test_an_answer_has_the_callers_request_id(api: Api) -> None:
    for path, status in ((ROOT, 200), (f"{ROOT}/x", 404), ("/nothing", 404)):
        answer = await api.client.get(path, headers={HEADER: "erp-7:a/b"})
        assert (answer.status, answer.headers[HEADER]) == (status, "erp-7:a/b")


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a;b", "ä"])
async def test_an_id_that_is_not_plain_is_replaced(api: Api, given: str | None) -> None:
    headers = {} if given is None else {HEADER: given}

    first = await api.client.get(ROOT, headers=headers)
    second = await api.client.get(ROOT, headers=headers)

    assert OWN.fullmatch(first.headers[HEADER])
    assert first.headers[HEADER] != second.headers[HEADER]


async def test_log_lines_of_a_request_have_its_id() -> None:
    seen: list[dict[str, Any]] = []

    async def handler(_: web.Request) -> web.Response:
        seen.append(structlog.contextvars.get_contextvars())
        raise web.HTTPNotFound

    app = web.Application(middlewares=[problems])
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        await client.get("/", headers={HEADER: "erp-7"})

    assert seen == [{"request_id": "erp-7"}]
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_a_refusal_is_logged_with_its_caller_and_codes(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    secret = "t" * 32
    tokens = {"erp_of_acme": {"token": secret, "scopes": ["erp"]}}
    api = await serving(settings(tokens=tokens))
    bearer = {"Authorization": f"Bearer {secret}"}

    with capture_logs() as logged:
        await api.call("POST", ROOT, LABEL | {"orderId": "..", "zzz": 1}, **bearer)
        await api.call("POST", f"{ROOT}/x/resend", {}, **bearer)
        await api.call("POST", ROOT, LABEL)

    found = [(e["by"], e["codes"]) for e in logged if e["event"] == "refused"]
    assert found == [
        ("erp_of_acme", ["placeholder", "unknown_field"]),
        ("erp_of_acme", ["scope_missing"]),
        ("", ["token_missing"]),
    ]
    assert secret not in str(logged)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ROOT, LABEL),
        ("POST", f"{ROOT}/bulk", {"labels": [LABEL]}),
        ("PATCH", f"{ROOT}/x", {"trackingNumber": "A1"}),
        ("POST", f"{ROOT}/x/cancel", None),
    ],
)
async def test_an_idempotency_key_is_refused_by_name(
    api: Api, method: str, path: str, body: Any
) -> None:
    headers = {"Idempotency-Key": "k-1"}

    status, problem = await api.call(method, path, body, **headers)

    assert (status, problem["code"]) == (400, "idempotency_key")
    assert "Idempotency-Key" in problem["detail"]
    assert "safely send it again" in problem["hint"]
    assert (await api.call("GET", ROOT))[1]["shipments"] == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (ROOT + "?limit=0", "out_of_range"),
        (ROOT + "/x", "not_found"),
        ("/nothing", "path_not_found"),
        ("/v1/events/x/release", "method_not_allowed"),
    ],
)
async def test_every_problem_has_a_code(api: Api, path: str, code: str) -> None:
    _, problem = await api.call("GET", path)

    assert (problem["code"], problem["type"]) == (code, f"/problems/{code}")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b" ", "empty_body"),
        (b"\xff\xfe\xfd", "undecodable_body"),
        (b"x" * 200_000, "body_too_large"),
    ],
)
async def test_a_body_that_is_not_read_has_a_code(
    api: Api, body: bytes, code: str
) -> None:
    headers = {"Content-Type": "application/json"}

    _, problem = await api.call("POST", ROOT, body, **headers)

    assert problem["code"] == code


@pytest.fixture
async def pages() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Serve the explanations."""
    app = web.Application(middlewares=[problems])
    app.add_routes(problem_pages.routes())
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_type_of_every_problem_leads_to_its_explanation(
    pages: TestClient[web.Request, web.Application],
) -> None:
    whole = await (await pages.get("/problems")).text()
    for code in (*ProblemCode, *WarningCode):
        answer = await pages.get(f"/problems/{code}")
        text = await answer.text()
        assert answer.status == 200
        assert text.startswith(f"# {code}\n")
        assert f"`{code}`" in whole
    assert (await pages.get(ProblemCode.REQUIRED.type)).status == 200
    assert (await pages.get("/problems/teapot")).status == 404
