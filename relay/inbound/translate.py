"""Parses documents with their adapters; runs in a thread and has no database access."""

import hashlib
import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from relay.adapters.personal_data import redact
from relay.adapters.protocol import Carrier, Document, Unreadable
from relay.domain.events import TrackingEvent
from relay.inbound.limits import refuse_too_many
from relay.store.event_rows import ParsedDocument
from relay.text import UndecodableText, as_utf8, decode_leniently, decode_text

LONGEST_REASON: Final = 300
SHORTEST_VALUE: Final = 3
"""Shorter values of a document are not masked: they occur in any text."""
MOST_TRIES: Final = 3
"""A document that ended the process so often is not parsed again."""

_PAGES: Final = (b"<!doctype html", b"<html")
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")


def parse_documents(
    documents: Sequence[Document], carriers: Mapping[str, Carrier]
) -> list[ParsedDocument]:
    """Parse every document with its contract's adapter; never raises."""
    return [_parse(d, carriers[d.contract]) for d in documents]


def give_up(document: Document) -> ParsedDocument:
    """Return what is stored of a document that ended the process on every try."""
    because = f"parsing it ended the process {MOST_TRIES} times"
    return _unreadable(document, because)


def _parse(document: Document, carrier: Carrier) -> ParsedDocument:
    try:
        events = _checked(carrier.parse(_in_utf8(document)))
        refuse_too_many(events)
        cut = _cut(document, carrier.personal_fields)
    except BaseException as error:  # noqa: BLE001 -- it must not end the thread
        return _unreadable(document, reason(error, document.body, _type_of(document)))
    return ParsedDocument(
        document=document.number,
        contract=document.contract,
        received_at=document.received_at,
        events=events,
        identifying=carrier.identifying,
        cut=cut,
        digest=None if cut is None else hashlib.sha256(document.body).hexdigest(),
        replayed=document.replayed,
    )


def _in_utf8(document: Document) -> Document:
    """Return *document* in UTF-8 without a byte order mark, for its adapter.

    XML declares its encoding itself. Other bytes may be a format of the adapter's.
    """
    if document.body.startswith(b"<?xml"):
        return document
    try:
        body = as_utf8(document.body, _type_of(document))
    except UndecodableText:
        return document
    return document if body is document.body else replace(document, body=body)


def _type_of(document: Document) -> str:
    return document.headers.get("content-type", "")


def _unreadable(document: Document, because: str) -> ParsedDocument:
    return ParsedDocument(
        document.number, document.contract, document.received_at, unreadable=because
    )


def _checked(events: object) -> tuple[TrackingEvent, ...]:
    """Return *events*; raise `TypeError` if an untyped adapter returned no list."""
    if not isinstance(events, list) or not all(
        isinstance(e, TrackingEvent) for e in events
    ):
        raise TypeError("the adapter did not return a list of tracking events")
    return tuple(events)


def _cut(document: Document, fields: tuple[str, ...]) -> bytes | None:
    """Return the body without personal *fields*; None if it has none of them."""
    if not fields:
        return None
    cut = redact(document.body, _type_of(document), fields)
    return None if cut is document.body else cut


def reason(error: BaseException, body: bytes, content_type: str = "") -> str:
    """Return what went wrong, without any content of the document.

    Documents hold personal data, and the reason is stored, logged and shown.
    """
    message = _validation(error) if isinstance(error, ValidationError) else str(error)
    text = _without(message, decode_leniently(body, content_type))
    if not isinstance(error, Unreadable):
        text = f"{type(error).__name__}: {text}"
    try:
        decode_text(body, content_type)
    except UndecodableText as undecodable:
        text = f"the body is {undecodable} ({text})"
    start = body.removeprefix(BOM_UTF8).lstrip()[:20].lower()
    if start.startswith(_PAGES):
        text = f"the body is a web page, not data ({text})"
    elif start.startswith(b"<") and _is_no_json(error):
        text = f"the body is XML, not JSON ({text})"
    return text[:LONGEST_REASON]


def _is_no_json(error: BaseException) -> bool:
    """Whether *error* is that of a JSON parser; an adapter may well parse XML."""
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False)
        return any(each["type"] == "json_invalid" for each in found)
    return isinstance(error, json.JSONDecodeError)


def _validation(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    named = [(".".join(map(str, e["loc"])), e["msg"]) for e in found[:3]]
    return "; ".join(f"{path}: {says}" if path else says for path, says in named)


def _without(message: str, text: str) -> str:
    """Mask the values of the document *text*, and quoted parts that occur in it."""
    try:
        values = sorted(set(_values(json.loads(text))), key=len, reverse=True)
    except (ValueError, RecursionError):
        return _QUOTED.sub(_hidden_if(lambda quoted: quoted in text), message)
    for value in values:
        if value in message:
            message = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", message)
    known = frozenset(values)
    return _QUOTED.sub(_hidden_if(known.__contains__), message)


def _hidden_if(is_content: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    def hidden(found: re.Match[str]) -> str:
        quoted = found[0][1:-1]
        return f"{found[0][0]}…{found[0][0]}" if is_content(quoted) else found[0]

    return hidden


def _values(value: Any) -> Iterator[str]:
    """Yield the strings and numbers in a JSON value, as error messages spell them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _values(part)
    elif not isinstance(value, bool) and value is not None:
        text = str(value)
        if len(text) >= SHORTEST_VALUE:
            yield text
            yield repr(text)[1:-1]
