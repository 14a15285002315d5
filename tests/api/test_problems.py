"""Every error is a problem that names the field and the way out."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from relay.api.problems import problem, problems
from relay.errors import (
    Conflict,
    InvalidLabel,
    LeaseLost,
    NotFound,
    RefusedRequest,
    RegistrationError,
)
from relay.problem_codes import ProblemCode


async def asked(error: Exception | web.Response) -> tuple[int, dict[str, Any], Any]:
    async def handler(_: web.Request) -> web.Response:
        if not isinstance(error, Exception):
            return error
        raise error

    app = web.Application(middlewares=[problems])
    app.router.add_get("/", handler)
    async with (
        TestClient(TestServer(app)) as client,
        client.get("/", allow_redirects=False) as answer,
    ):
        text = await answer.text()
        body = json.loads(text) if text.startswith("{") else {}
        return answer.status, body, answer.headers


@pytest.mark.parametrize(
    ("kind", "status", "title", "code"),
    [
        (InvalidLabel, 422, "Invalid field", "invalid_value"),
        (Conflict, 409, "Conflict", "conflict"),
        (NotFound, 404, "Not found", "not_found"),
    ],
)
async def test_a_label_that_cannot_be_taken_says_why(
    kind: type[RegistrationError], status: int, title: str, code: str
) -> None:
    error = kind("no", field="orderId", hint="write it")
    found, body, headers = await asked(error)
    assert found == status
    assert headers["Content-Type"].startswith("application/problem+json")
    named = {"code": code, "field": "orderId", "detail": "no", "hint": "write it"}
    assert body == named | {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "errors": [named],
    }


async def test_errors_of_the_framework_are_spelled_the_same_way() -> None:
    status, body, headers = await asked(web.HTTPMethodNotAllowed("GET", ["POST"]))
    assert (status, body["title"]) == (405, "Method Not Allowed")
    assert headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (web.HTTPNotFound(), "see /openapi.json for the paths"),
        (
            web.HTTPMethodNotAllowed("GET", ["POST"]),
            "use a method that the header `Allow` lists",
        ),
        (web.HTTPRequestEntityTooLarge(1, 2), "send a smaller body"),
    ],
)
async def test_they_say_what_to_do(error: Exception, hint: str) -> None:
    _, body, _ = await asked(error)
    assert body["hint"].startswith(hint)


async def test_what_is_refused_before_it_is_read_says_what_to_do() -> None:
    refused = RefusedRequest(
        HTTPStatus.UNAUTHORIZED, "no", hint="try", headers={"WWW-Authenticate": "B"}
    )
    status, body, headers = await asked(refused)
    assert (status, body["title"]) == (401, "Unauthorized")
    assert (body["detail"], body["hint"]) == ("no", "try")
    assert headers["WWW-Authenticate"] == "B"


async def test_a_redirection_is_no_error() -> None:
    status, _, headers = await asked(web.HTTPFound("/elsewhere"))
    assert (status, headers["Location"]) == (302, "/elsewhere")


@pytest.mark.parametrize("error", [LeaseLost("inner"), ZeroDivisionError("inner")])
async def test_what_nobody_expected_is_logged_and_not_shown(error: Exception) -> None:
    status, body, _ = await asked(error)
    assert status == 500
    assert "inner" not in str(body)


async def test_what_goes_well_passes() -> None:
    answer = problem(418, "Teapot", "short and stout", code=ProblemCode.CONFLICT)
    assert (await asked(answer))[1] == {
        "type": "/problems/conflict",
        "title": "Teapot",
        "status": 418,
        "code": "conflict",
        "detail": "short and stout",
        "errors": [{"code": "conflict", "detail": "short and stout"}],
    }
