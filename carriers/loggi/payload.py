"""Loggi's webhook: a batch of packages with their history.

https://docs.api.loggi.com/reference/webhook

`requestTime` is not used: it is the time of the call, not of the event.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from relay.adapters.payload import Payload
from relay.adapters.times import iso
from relay.domain.event_time import EventTime

_UTC: Final = ZoneInfo("UTC")
_ZEROS: Final = re.compile(r"0+(?=[0-9])")
OWN: Final = "status"
"""The position of a package's own status."""


def _code(text: str) -> str:
    """Return a code without leading zeros, as in the table.

    It is a string in webhooks and a number in Loggi's API.
    """
    return _ZEROS.sub("", text, count=1) if text.isascii() and text.isdigit() else text


class Status(Payload):
    """A package's status; times are UTC, with microseconds and `Z`."""

    code: Annotated[str, AfterValidator(_code)] = ""
    high_level_status: str | None = Field(default=None, alias="highLevelStatus")
    description: str | None = None
    updated_time: str = Field(alias="updatedTime", min_length=1)

    @property
    def happened_at(self) -> EventTime:
        """The time of the status."""
        return iso(self.updated_time, _UTC)

    @property
    def identity(self) -> tuple[datetime, str, str]:
        """What makes two statuses the same; the text counts only without a code."""
        text = self.high_level_status or self.description or ""
        return (self.happened_at.at, self.code, "" if self.code else text)


class Location(Payload):
    """Where the package was."""

    city: str | None = None
    state: str | None = None


class Step(Payload):
    """One entry of the history."""

    status: Status
    location: Location | None = None

    @classmethod
    def parse(cls, raw: Any) -> "Step":
        """Return the step of *raw*; raise `ValueError` if it has no time."""
        step = cls.model_validate(raw)
        _ = step.status.happened_at
        return step


class Package(Payload):
    """One parcel with its complete history.

    The parts of `history`, and its own `status`, are validated one by one, as `Step`.
    """

    loggi_key: str | None = Field(default=None, alias="loggiKey")
    tracking_code: str | None = Field(default=None, alias="trackingCode")
    barcode: str | None = None
    status: Any = None
    location: Any = None
    history: list[Any] | None = Field(default=None, alias="trackingHistory")

    def placed_steps(self) -> list[tuple[str, Any]]:
        """Return the entries with their positions, the package's own status last.

        The own status is the newest; the history may not have it yet.
        """
        placed = [
            (f"trackingHistory.{i}", raw) for i, raw in enumerate(self.history or ())
        ]
        if self.status is not None:
            placed.append((OWN, {"status": self.status, "location": self.location}))
        return placed


class Notice(Payload):
    """The body of a webhook; each of `packages` is validated on its own."""

    packages: list[Any]
