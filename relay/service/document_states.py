"""How far a document was parsed, and which parts of it are unreadable."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from relay.service.models import ResponseModel
from relay.store.codec import loads
from relay.store.database import Row


class DocumentState(StrEnum):
    """How far a document was parsed; `parked`: its contract is not configured."""

    PARKED = "parked"
    UNPARSED = "unparsed"
    PARSED = "parsed"
    PARTLY_PARSED = "partly_parsed"
    UNREADABLE = "unreadable"


class UnreadablePartLine(ResponseModel):
    """A part of a document that could not be parsed; `position` is its path."""

    position: str
    reason: str

    def __str__(self) -> str:
        return f"{self.position}: {self.reason}"


def state_of(row: Mapping[str, Any] | Row) -> DocumentState:
    """Return how far the document of *row* was parsed."""
    if row["parked"]:
        return DocumentState.PARKED
    if row["read_at"] is None:
        return DocumentState.UNPARSED
    if row["unreadable_reason"] is None:
        return DocumentState.PARSED
    partly = row["partly_parsed"]
    return DocumentState.PARTLY_PARSED if partly else DocumentState.UNREADABLE


def parts_of(row: Row) -> tuple[UnreadablePartLine, ...]:
    """Return the unreadable parts; those of an earlier try do not count."""
    if row["read_at"] is None:
        return ()
    return tuple(UnreadablePartLine(**part) for part in loads(row["unreadable_parts"]))
