"""Odd bytes in a request are the caller's error, on both databases: never a 500."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from yarl import URL

from relay.api.application import OPERATIONS
from relay.api.operations import Operation
from tests.api.apis import LABEL, Api

JSON = {"Content-Type": "application/json"}
ODD_TEXTS = ("\0", "A\0B", "\udcff", "\ud800", "é" * 90, "9" * 90)


def cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


KEYS = ("", "-", "--", "1-2", "2026-13-45", "2026-11-27", "7", "9" * 20, "-" * 20)
CURSORS = (
    *("", "é", "\0", "A", "====", "\udcff"),
    *(cursor(f"before {row}") for row in ("00", "9" * 18, "9" * 19)),
    *(cursor(f"after {key} {row}") for key in KEYS for row in ("0", "9" * 18)),
)


def encoded(text: str) -> str:
    return "".join(f"%{b:02X}" for b in text.encode(errors="surrogatepass"))


def names(model: Any) -> list[str]:
    return list(model.model_json_schema()["properties"]) if model else []


def odd_requests(operation: Operation, id_: str) -> Iterator[tuple[str, Any]]:
    """Yield paths with a query, and bodies, that are odd in one place."""
    good = re.sub(r"{\w+}", id_, operation.path)
    body = dict(operation.example) if operation.body else None
    for text in ODD_TEXTS:
        if good != operation.path:
            yield re.sub(r"{\w+}", encoded(text), operation.path), body
        for name in names(operation.query):
            yield f"{good}?{name}={encoded(text)}", body
        for name in names(operation.body):
            yield good, dict(operation.example) | {name: text}
    if "cursor" in names(operation.query):
        for text in CURSORS:
            yield f"{good}?cursor={encoded(text)}", body


async def status_of(api: Api, method: str, path: str, body: Any) -> int:
    root = str(api.client.make_url("/")).rstrip("/")
    data = None if body is None else json.dumps(body).encode()
    async with api.client.session.request(
        method, URL(root + path, encoded=True), data=data, headers=JSON
    ) as answer:
        await answer.read()
        return answer.status


async def test_no_odd_text_or_cursor_is_an_error_of_the_relay(api: Api) -> None:
    id_ = (await api.register())["id"]
    failed = []
    with capture_logs() as logged:
        for operation in OPERATIONS:
            for path, body in odd_requests(operation, id_):
                if await status_of(api, operation.method, path, body) >= 500:
                    failed.append((operation.method, path, body))
    assert failed == []
    assert [line for line in logged if line["log_level"] == "error"] == []


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (json.dumps(LABEL).encode("utf-8-sig"), "application/json"),
        (json.dumps(LABEL).encode("utf-16"), "application/json"),
        (json.dumps(LABEL).encode("utf-16-le"), "application/json; charset=utf-16"),
        (
            json.dumps(LABEL | {"courier": "Ação"}, ensure_ascii=False).encode(
                "cp1252"
            ),
            'application/json; charset="windows-1252"',
        ),
    ],
)
async def test_a_body_with_a_mark_or_another_charset_is_read(
    api: Api, body: bytes, type_: str
) -> None:
    status, found = await api.call(
        "POST", "/v1/shipments", body, **{"Content-Type": type_}
    )
    assert status == 201, found


@pytest.mark.parametrize(
    "charset", ["", "; charset=utf-8", "; charset=no-such", "; charset=hex"]
)
async def test_a_body_that_cannot_be_decoded_says_so(api: Api, charset: str) -> None:
    headers = {"Content-Type": f"application/json{charset}"}
    body = '{"orderId": "Ação"}'.encode("latin-1")
    status, problem = await api.call("POST", "/v1/shipments", body, **headers)
    assert status == 400
    assert "cannot be decoded" in problem["detail"]
    assert problem["hint"]
