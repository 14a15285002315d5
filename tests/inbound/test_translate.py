"""The reason why a document is unreadable says nothing of what it holds."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from relay.adapters.protocol import Unreadable
from relay.inbound.translate import LONGEST_REASON, reason


class Payload(BaseModel):
    recipient: int
    code: str


def caught(call: object) -> BaseException:
    try:
        call()  # type: ignore[operator]
    except BaseException as error:  # noqa: BLE001 -- whatever it is
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("data.id is missing"), "ValueError: data.id is missing"),
        (KeyError("tracking"), "KeyError: 'tracking'"),
        (
            ValueError("invalid literal for int() with base 10: 'Ana de Souza'"),
            "ValueError: invalid literal for int() with base 10: '…'",
        ),
        (ValueError("Ana de Souza is no code"), "ValueError: … is no code"),
        (ValueError("12345678909 is no code"), "ValueError: … is no code"),
        (ValueError("bad: 'João\\nSilva'"), "ValueError: bad: '…'"),
        (SystemExit(), "SystemExit: "),
        (Unreadable("time: Ana de Souza is none"), "time: … is none"),
    ],
)
def test_values_of_a_json_document_are_left_out(
    error: BaseException, expected: str
) -> None:
    body = json.dumps(
        {
            "data": [{"name": "Ana de Souza", "id": None, "ok": True, "n": 1}],
            "tax_id": 12345678909,
            "other": "João\nSilva",
            "short": "is",
        }
    ).encode()
    assert reason(error, body) == expected


def test_of_other_documents_what_is_quoted_is_left_out() -> None:
    body = b"<name>Ana de Souza</name>"
    error = ValueError("no date: 'Ana de Souza', expected \"today\"")
    assert reason(error, body) == "ValueError: no date: '…', expected \"today\""


def test_a_models_error_names_the_fields_only() -> None:
    body = b'{"recipient": "Ana de Souza"}'
    error = caught(lambda: Payload.model_validate_json(body))
    assert isinstance(error, ValidationError)
    text = reason(error, body)
    assert text.startswith(
        "ValidationError: recipient: Input should be a valid integer"
    )
    assert "code: Field required" in text
    assert "Ana" not in text


def test_a_reason_has_a_limit() -> None:
    assert len(reason(ValueError("x" * 1000), b"{}")) == LONGEST_REASON


def test_a_document_nested_without_end_does_not_matter() -> None:
    body = b"[" * 100_000
    assert reason(ValueError("odd"), body) == "ValueError: odd"


@pytest.mark.parametrize(
    "page", [b"<!DOCTYPE html><html>", b"\n <HTML><body>Login</body></HTML>"]
)
def test_a_page_in_place_of_data_is_named(page: bytes) -> None:
    error = caught(lambda: Payload.model_validate_json(page))
    because = reason(error, page)
    assert because.startswith("the body is a web page, not data (ValidationError: ")
    assert "Login" not in because


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><a>Ana</a>',
        b"\xef\xbb\xbf<a>Ana</a>",
        b"\n <soap:Envelope>Ana</soap:Envelope>",
    ],
)
@pytest.mark.parametrize("parse", [Payload.model_validate_json, json.loads])
def test_xml_in_place_of_json_is_named(body: bytes, parse: Callable[..., Any]) -> None:
    because = reason(caught(lambda: parse(body)), body)
    assert because.startswith("the body is XML, not JSON (")
    assert "Ana" not in because


def test_an_adapter_may_parse_xml() -> None:
    because = reason(Unreadable("tracking: missing"), b"<tracking/>")
    assert because == "tracking: missing"
