"""Loggi's own words: one webhook tells of a batch of packages (docs.api.loggi.com).

Only what the adapter reads stands here; the rest is ignored, `requestTime` among it:
it is the time of the call. `code` is a text in webhooks and a number in their API.
"""

import re
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from relay.adapters.times import iso

_UTC: Final = ZoneInfo("UTC")
_ZEROS: Final = re.compile(r"0+(?=[0-9])")


def _code(text: str) -> str:
    """Spell a code as the table does: a number without zeros before it."""
    return _ZEROS.sub("", text, count=1) if text.isascii() and text.isdigit() else text


class _Words(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class Status(_Words):
    """Where a package stood at a moment: UTC, with microseconds and `Z`."""

    code: Annotated[str, AfterValidator(_code)] = ""
    high_level_status: str | None = Field(default=None, alias="highLevelStatus")
    description: str | None = None
    updated_time: str = Field(alias="updatedTime", min_length=1)

    @property
    def happened_at(self) -> datetime:
        """When the package came to stand so."""
        return iso(self.updated_time, _UTC)

    @property
    def happening(self) -> tuple[datetime, str, str]:
        """What tells two of them apart; the words count only without a code."""
        words = self.high_level_status or self.description or ""
        return (self.happened_at, self.code, "" if self.code else words)


class Location(_Words):
    """Where it was."""

    city: str | None = None
    state: str | None = None


class Step(_Words):
    """One line of the history; the package itself bears its newest one."""

    status: Status
    location: Location | None = None


class Package(_Words):
    """One parcel with all that happened to it so far."""

    loggi_key: str | None = Field(default=None, alias="loggiKey")
    tracking_code: str | None = Field(default=None, alias="trackingCode")
    barcode: str | None = None
    status: Status | None = None
    location: Location | None = None
    history: list[Step] | None = Field(default=None, alias="trackingHistory")

    def steps(self) -> list[Step]:
        """Return what happened, oldest first and each once."""
        found = list(self.history or ())
        if self.status is not None:
            found.append(Step(status=self.status, location=self.location))
        once = {step.status.happening: step for step in found}
        return sorted(once.values(), key=lambda step: step.status.happened_at)


class Notice(_Words):
    """The body of a webhook."""

    packages: list[Package]
