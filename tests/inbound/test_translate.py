"""The reason why a document is unreadable says nothing of what it holds."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from relay.adapters.parts import Parsed
from relay.adapters.protocol import Document, Unreadable, UnreadablePart
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.inbound.limits import MOST_EVENTS, MOST_REFERENCES
from relay.inbound.reasons import LONGEST_REASON, reason
from relay.inbound.translate import parse_documents
from tests.support.acme import Acme, body, scan

TEXTS = {"A": "out \ud800", "B": "a \\ud800 written out, and 😀"}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Payload(BaseModel):
    recipient: int
    code: str


def caught(call: object) -> BaseException:
    try:
        call()  # type: ignore[operator]
    except BaseException as error:  # noqa: BLE001 -- whatever it is
        return error
    raise AssertionError


class Strict(Acme):
    """Reads its documents with a parser that refuses lone surrogates."""

    def parse(self, document: Document) -> list[Parsed]:
        from_json(document.body)
        return super().parse(document)


def test_half_a_character_in_one_event_does_not_stop_the_others() -> None:
    scans = [scan(number, "OD", NOW, text=t) for number, t in TEXTS.items()]
    document = Document(body(*scans), NOW, {}, "acme", "webhook")
    (found,) = parse_documents([document], {"acme": Strict()})
    assert [e.description for e in found.events] == [
        "out \N{REPLACEMENT CHARACTER}",
        "a \\ud800 written out, and 😀",
    ]


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


def test_the_words_of_an_adapter_are_its_own_even_if_the_document_has_them() -> None:
    body = b'{"text": "no time", "status": "missing"}'
    for message in ("time: no time found", "data.id: missing"):
        assert reason(Unreadable(message, fixed=True), body) == message


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


MORE = '{"city": "São José"}'


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (MORE.encode("utf-8-sig"), ""),
        (MORE.encode("utf-16"), ""),
        (MORE.encode("latin-1"), "application/json; charset=ISO-8859-1"),
    ],
)
def test_adapters_get_utf_8_without_a_mark(body: bytes, type_: str) -> None:
    adapter = Acme(returns=[])
    headers = {"content-type": type_}
    document = Document(body, NOW, headers, contract="acme")
    (parsed,) = parse_documents([document], {"acme": adapter})
    assert adapter.read_bodies == [MORE.encode()]
    assert parsed.unreadable is None


@pytest.mark.parametrize("body", [b'<?xml encoding="latin-1"?>\xe3', b"PK\x03\xff\xfe"])
def test_xml_and_other_formats_stay_as_they_are(body: bytes) -> None:
    adapter = Acme(returns=[])
    headers = {"content-type": "application/zip"}
    parse_documents([Document(body, NOW, headers, contract="acme")], {"acme": adapter})
    assert adapter.read_bodies == [body]


def test_a_document_that_cannot_be_decoded_says_so() -> None:
    document = Document(MORE.encode("latin-1"), NOW, contract="acme")
    adapter = Acme(fails=ValueError("no JSON"))
    (parsed,) = parse_documents([document], {"acme": adapter})
    assert parsed.unreadable.startswith("the body is not UTF-8 text, and no charset")


def test_the_reason_of_a_part_has_no_content_of_the_document() -> None:
    content = json.dumps({"scans": ["Ana de Souza"]}).encode()
    bad = UnreadablePart("scans.0", ValueError("odd: 'Ana de Souza'"))
    adapter = Acme(returns=[bad, bad])
    document = Document(content, NOW, contract="acme")
    (parsed,) = parse_documents([document], {"acme": adapter})
    assert {part.reason for part in parsed.parts} == {"ValueError: odd: '…'"}
    assert parsed.unreadable == (
        "2 of 2 parts unreadable: scans.0: ValueError: odd: '…'"
    )


NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="AC1")
SCAN = TrackingEvent(
    references=(NUMBER,), milestone=Milestone.HELD, occurred_at=NOW, carrier_code="H"
)
WAYBILL = SCAN.model_copy(update={"references": (NUMBER,) * 100})


@pytest.mark.parametrize(
    ("event", "most", "because"),
    [
        (SCAN, MOST_EVENTS, "events: 5,001 in one document, at most 5,000"),
        (
            WAYBILL,
            MOST_REFERENCES // 100,
            "references of events: 20,100 in one document, at most 20,000",
        ),
    ],
)
def test_a_document_that_would_hold_up_all_others_is_unreadable(
    event: TrackingEvent, most: int, because: str
) -> None:
    adapter = Acme()
    document = Document(b"{}", NOW, contract="acme")
    adapter.returns = [event] * most
    (fits,) = parse_documents([document], {"acme": adapter})
    adapter.returns = [event] * (most + 1)
    (refused,) = parse_documents([document], {"acme": adapter})
    assert (fits.unreadable, len(fits.events)) == (None, most)
    hint = "; ask the carrier to send smaller documents"
    assert (refused.unreadable, refused.events) == (because + hint, ())
