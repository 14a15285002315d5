"""What an answer says of each parcel, as the contract describes it: pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from carriers.generic.poll_options import Poll, Split
from carriers.generic.shapes import kind
from relay.adapters.http import ApiResponse
from relay.adapters.protocol import CarrierFailure, Document
from relay.domain.events import compared

_TYPE: Final = {"content-type": "application/json"}
_LONGEST_MESSAGE: Final = 200

Asked = Mapping[str, str]
"""A parcel's references by kind, as placeholders."""


def unpacked(
    poll: Poll, answered: ApiResponse, asked: Sequence[Asked]
) -> list[Document]:
    """Return a document for each parcel that an answer of status 200 tells of.

    Without *asked* the pieces themselves say which parcel they are of. Raises
    `CarrierFailure`.
    """
    value = answered.value()
    try:
        return list(_documents(poll, answered, value, asked))
    except ValueError as error:
        raise CarrierFailure(f"polling: {error}") from None


def _documents(
    poll: Poll, answered: ApiResponse, value: Any, asked: Sequence[Asked]
) -> Iterator[Document]:
    """Yield what the answer says of each parcel; nothing if it knows of none.

    What is wrapped would hide that it is empty.
    """
    at = answered.received_at
    if poll.error is not None and poll.error.holds(value):
        raise CarrierFailure(_message(poll.error.find(value)))
    if _knows_nothing(poll, value):
        return
    if poll.split is None and not poll.wrap:
        yield Document(answered.body, at, _TYPE)
        return
    pieces = _pieces(poll.split, value) if poll.split else [("", value)]
    for name, piece in pieces:
        if not poll.wrap:
            yield Document(json.dumps(piece).encode(), at, _TYPE)
        elif piece and (parcel := _named(poll, name, asked)) is not None:
            whole = {"asked": dict(parcel), "answer": piece}
            yield Document(json.dumps(whole).encode(), at, _TYPE)


def _knows_nothing(poll: Poll, value: Any) -> bool:
    """Whether the answer is that there is no such parcel, or not yet."""
    if poll.not_found is not None and poll.not_found.holds(value):
        return True
    return poll.found is not None and not poll.found.holds(value)


def _named(poll: Poll, name: str, asked: Sequence[Asked]) -> Asked | None:
    """Return the parcel that a piece is of; None if nobody asked for it."""
    if poll.batch is None:
        if not asked:
            raise CarrierFailure(
                "polling.wrap: the answer does not name its parcel; say which "
                "reference was asked for"
            )
        return asked[0]
    if not asked:
        return {poll.batch.of: name}
    same = (a for a in asked if compared(a[poll.batch.of]) == compared(name))
    return next(same, None)


def _pieces(split: Split, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each piece of an answer, with the reference that it is of."""
    found = split.list.find(value)
    if found is None:
        raise CarrierFailure(
            f"polling.split.list: {split.list.text!r} finds nothing in the answer"
        )
    if split.keyed:
        if not isinstance(found, dict):
            raise CarrierFailure(
                f"polling.split.list: {split.list.text!r} finds {kind(found)} in the "
                "answer, and keyed needs an object"
            )
        yield from found.items()
        return
    for piece in found if isinstance(found, list) else [found]:
        yield split.reference.text_in(piece) if split.reference else "", piece


def _message(found: Any) -> str:
    words = found if isinstance(found, str) else json.dumps(found)
    return f"the carrier answered with an error: {words}"[:_LONGEST_MESSAGE]
