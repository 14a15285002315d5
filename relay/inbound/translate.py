"""Parses documents with their adapters; runs in a thread and has no database access."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from relay.adapters.parts import Parsed, attempt
from relay.adapters.personal_data import redact
from relay.adapters.protocol import Carrier, Document, UnreadablePart
from relay.domain.events import TrackingEvent
from relay.inbound.limits import refuse_too_many
from relay.inbound.reasons import LONGEST_REASON, ContentMask, reason, trace
from relay.store.event_rows import ParsedDocument, PartReason
from relay.text import (
    UndecodableText,
    as_utf8,
    decode_leniently,
    without_lone_surrogates,
)

MOST_TRIES: Final = 3
"""A document that ended the process so often is not parsed again."""
_PARTS: Final = (TrackingEvent, UnreadablePart)
_JSON: Final = (b"{", b"[")
MOST_PARTS: Final = 50
"""Unreadable parts of one document that are listed with a reason; all are counted."""


def parse_documents(
    documents: Sequence[Document], carriers: Mapping[str, Carrier]
) -> list[ParsedDocument]:
    """Parse every document with its contract's adapter; never raises."""
    return [_parse(d, carriers[d.contract]) for d in documents]


def give_up(document: Document) -> ParsedDocument:
    """Return what is stored of a document that ended the process on every try."""
    because = f"parsing it ended the process {MOST_TRIES} times"
    return _unreadable(document, because)


def unstorable(document: Document, error: Exception) -> ParsedDocument:
    """Return what is stored of a document whose events the database refuses."""
    because = reason(error, document.body, _type_of(document))
    said = f"its events could not be stored: {because}"
    return _unreadable(document, said, error=error)


def _parse(document: Document, carrier: Carrier) -> ParsedDocument:
    try:
        parts = _checked(carrier.parse(_in_utf8(document)))
        cut = attempt("personal_fields", partial(_cut, document, carrier))
        if isinstance(cut, UnreadablePart):
            parts, cut = [*parts, cut], None
        events = tuple(part for part in parts if isinstance(part, TrackingEvent))
        refuse_too_many(events)
        bad = [part for part in parts if isinstance(part, UnreadablePart)]
        listed = _listed(document, bad)
        because = _summary(len(parts), len(bad), listed) if bad else None
    except BaseException as error:  # noqa: BLE001 -- it must not end the thread
        because = reason(error, document.body, _type_of(document))
        return _unreadable(document, because, error=error)
    if because is not None and not events:
        return _unreadable(document, because, listed, error=bad[0].error)
    return ParsedDocument(
        document=document.number,
        contract=document.contract,
        received_at=document.received_at,
        events=events,
        identifying=carrier.identifying,
        partly=because,
        parts=listed,
        bad_parts=len(bad),
        traceback=trace(bad[0].error) if bad else None,
        cut=cut,
        digest=None if cut is None else hashlib.sha256(document.body).hexdigest(),
        replayed=document.replayed,
    )


def _listed(
    document: Document, bad: Sequence[UnreadablePart]
) -> tuple[PartReason, ...]:
    """Return the first of the *bad* parts with their reasons."""
    if not bad:
        return ()
    masking = ContentMask(decode_leniently(document.body, _type_of(document)))
    return tuple(
        PartReason(part.position, masking.reason(part.error))
        for part in bad[:MOST_PARTS]
    )


def _summary(parts: int, bad: int, listed: Sequence[PartReason]) -> str:
    """Return the reason of a document with *bad* of its *parts* unreadable."""
    first = listed[0]
    said = f"{bad} of {parts} parts unreadable: {first.position}: {first.reason}"
    return said[:LONGEST_REASON]


def _in_utf8(document: Document) -> Document:
    """Return *document* in UTF-8 without a byte order mark, for its adapter.

    In JSON lone surrogates are replaced, as they are in the database.

    XML declares its encoding itself. Other bytes may be a format of the adapter's.
    """
    if document.body.startswith(b"<?xml"):
        return document
    try:
        body = as_utf8(document.body, _type_of(document))
    except UndecodableText:
        return document
    if body.lstrip()[:1] in _JSON:
        # One text of one event must not make a whole batch unreadable.
        body = without_lone_surrogates(body, "\N{REPLACEMENT CHARACTER}")
    return document if body is document.body else replace(document, body=body)


def _type_of(document: Document) -> str:
    return document.headers.get("content-type", "")


def _unreadable(
    document: Document,
    because: str,
    parts: tuple[PartReason, ...] = (),
    *,
    error: BaseException | None = None,
) -> ParsedDocument:
    return ParsedDocument(
        document.number,
        document.contract,
        document.received_at,
        unreadable=because,
        parts=parts,
        traceback=None if error is None else trace(error),
    )


def _checked(parts: object) -> list[Parsed]:
    """Return *parts*; raise `TypeError` if an untyped adapter returned no list."""
    if not isinstance(parts, list) or not all(isinstance(p, _PARTS) for p in parts):
        raise TypeError("the adapter did not return a list of tracking events")
    return parts


def _cut(document: Document, carrier: Carrier) -> bytes | None:
    """Return the body without personal fields; None if it has none of them."""
    fields = carrier.personal_fields
    if not fields:
        return None
    cut = redact(document.body, _type_of(document), fields)
    return None if cut is document.body else cut
