"""What adapters make of a slice of documents; runs in a thread, without the store."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from relay.adapters.personal_data import redact
from relay.adapters.protocol import Carrier, Document, Unreadable
from relay.domain.events import TrackingEvent
from relay.store.event_rows import ParsedDocument
from relay.store.unread import UnreadDocument

LONGEST_REASON: Final = 300
SHORTEST_VALUE: Final = 3
"""A shorter value of a document is part of any text."""
MOST_TRIES: Final = 3

_PAGES: Final = (b"<!doctype html", b"<html")
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")


def parse_documents(
    documents: Sequence[UnreadDocument], carriers: Mapping[str, Carrier]
) -> list[ParsedDocument]:
    """Read every document with its contract's adapter; never raises."""
    return [_read(d, carriers[d.contract]) for d in documents]


def given_up(document: UnreadDocument) -> ParsedDocument:
    """Return what is stored of a document that stopped the process again and again."""
    because = f"reading it stopped the process {MOST_TRIES} times"
    return ParsedDocument(
        document.document, document.contract, document.received_at, unreadable=because
    )


def _read(unread: UnreadDocument, carrier: Carrier) -> ParsedDocument:
    try:
        document = Document(unread.body, unread.received_at, unread.headers)
        events = _checked(carrier.parse(document))
        cut = _cut(unread, carrier.personal_fields)
    except BaseException as error:  # noqa: BLE001 -- it must not end the thread
        return ParsedDocument(
            unread.document,
            unread.contract,
            unread.received_at,
            unreadable=reason(error, unread.body),
        )
    return ParsedDocument(
        document=unread.document,
        contract=unread.contract,
        received_at=unread.received_at,
        events=events,
        identifying=carrier.identifying,
        cut=cut,
        digest=None if cut is None else hashlib.sha256(unread.body).hexdigest(),
        replayed=unread.replayed,
    )


def _checked(events: object) -> tuple[TrackingEvent, ...]:
    """Refuse what is no list of events, whatever the adapter's types say."""
    if not isinstance(events, list) or not all(
        isinstance(e, TrackingEvent) for e in events
    ):
        raise TypeError("the adapter returned no list of tracking events")
    return tuple(events)


def _cut(unread: UnreadDocument, fields: tuple[str, ...]) -> bytes | None:
    if not fields:
        return None
    cut = redact(unread.body, unread.headers.get("content-type", ""), fields)
    return None if cut is unread.body else cut


def reason(error: BaseException, body: bytes) -> str:
    """Say what went wrong without the content of the document."""
    message = _validation(error) if isinstance(error, ValidationError) else str(error)
    text = _without(message, body)
    if not isinstance(error, Unreadable):
        text = f"{type(error).__name__}: {text}"
    if body.lstrip()[:20].lower().startswith(_PAGES):
        text = f"the body is a web page, not data ({text})"
    return text[:LONGEST_REASON]


def _validation(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    named = [(".".join(map(str, e["loc"])), e["msg"]) for e in found[:3]]
    return "; ".join(f"{path}: {says}" if path else says for path, says in named)


def _without(message: str, body: bytes) -> str:
    """Leave out what the document holds: its values, and what stands in quotes."""
    text = body.decode(errors="replace")
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
    """Yield the texts and numbers of a JSON value, as messages may show them."""
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
