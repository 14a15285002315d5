"""Loggi's webhook: a batch of packages with their history.

https://docs.api.loggi.com/reference/webhook

`requestTime` is not used: it is the time of the call, not of the event.
"""

import re
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from relay.adapters.payload import Payload
from relay.adapters.times import iso
from relay.domain.event_time import EventTime

_UTC: Final = ZoneInfo("UTC")
_ZEROS: Final = re.compile(r"0+(?=[0-9])")


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


class Package(Payload):
    """One parcel with its complete history."""

    loggi_key: str | None = Field(default=None, alias="loggiKey")
    tracking_code: str | None = Field(default=None, alias="trackingCode")
    barcode: str | None = None
    status: Status | None = None
    location: Location | None = None
    history: list[Step] | None = Field(default=None, alias="trackingHistory")

    def steps(self) -> list[Step]:
        """Return the entries, oldest first, without duplicates."""
        # The package's own status is its newest; the history may not have it yet.
        found = list(self.history or ())
        if self.status is not None:
            found.append(Step(status=self.status, location=self.location))
        once = {step.status.identity: step for step in found}
        return sorted(once.values(), key=lambda step: step.status.happened_at.at)


class Notice(Payload):
    """The body of a webhook."""

    packages: list[Package]
