"""Cursors: where a page ends, as a text that says nothing to whoever passes it on."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from relay.errors import InvalidLabel

MOST: Final = 200
_POSITION: Final = re.compile(rb"before ([0-9]{1,18})")


class Paging(BaseModel):
    """Base of a list's query: which page, and how much of it."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    cursor: str | None = Field(default=None, max_length=100)
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50

    @property
    def before(self) -> int | None:
        """The row before which the page begins; raises `InvalidLabel`."""
        return position(self.cursor)


def position(cursor: str | None) -> int | None:
    """Return the row before which a page begins; raise `InvalidLabel`."""
    return None if cursor is None else _read(cursor)


def cursor(position: int | None) -> str | None:
    """Return the cursor of the page that begins before *position*."""
    if position is None:
        return None
    return urlsafe_b64encode(b"before %d" % position).decode().rstrip("=")


def _read(text: str) -> int:
    try:
        found = _POSITION.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if found is None:
        raise InvalidLabel(
            "it is not a cursor of this relay",
            field="cursor",
            way_out="take it as it is from `next` of the page before",
        )
    return int(found[1])
