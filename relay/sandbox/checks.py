"""Request checks of VTEX's API, stricter than VTEX is known to be.

A client that passes here does not depend on what VTEX happens to tolerate.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.times import instant

LONGEST_DESCRIPTION: Final = 5000  # VTEX: guide "updatetrackingstatus", 2022


_M = TypeVar("_M", bound=BaseModel)


class RejectedCall(Exception):
    """A refused call; with a *rule* it is recorded as a complaint as well."""

    def __init__(self, answer: VtexAnswer, rule: str = "", message: str = "") -> None:
        super().__init__(message)
        self.answer = answer
        self.rule = rule
        self.message = message


def _dated(text: str) -> str:
    instant(text)
    return text


DateText = Annotated[str, AfterValidator(_dated)]


class StrictBody(BaseModel):
    """Base of bodies: strict types, camel case, no unknown fields."""

    model_config = ConfigDict(
        strict=True, extra="forbid", alias_generator=to_camel, frozen=True
    )


class PartialInvoice(StrictBody):
    """Body of *update order's partial invoice*; all four are required by OpenAPI."""

    tracking_number: str
    tracking_url: str | None
    courier: str | None
    dispatched_date: DateText | None


class SentEvent(StrictBody):
    """One event of *update order tracking status*; none of the four may be null."""

    city: str
    state: str
    description: Annotated[str, Field(max_length=LONGEST_DESCRIPTION)]
    date: DateText

    @property
    def happened_at(self) -> datetime:
        """The instant of `date`."""
        return instant(self.date)


class TrackingStatus(StrictBody):
    """Body of *update order tracking status*; `deliveredDate` may be null."""

    is_delivered: bool
    delivered_date: DateText | None
    events: tuple[SentEvent, ...]

    @property
    def delivered_at(self) -> datetime | None:
        """The instant of `deliveredDate`."""
        return instant(self.delivered_date) if self.delivered_date else None


def check_headers(headers: Mapping[str, str], *, with_body: bool) -> None:
    """Refuse a call without the two headers that VTEX requires on every call."""
    if not _is_json(headers.get("Content-Type", "")):
        message = "Content-Type must be application/json"
        answer = (
            answers.unsupported()
            if with_body
            else answers.invalid({"Content-Type": [message]})
        )
        raise RejectedCall(answer, "content-type", message)
    if not _allows_json(headers.get("Accept", "")):
        message = "Accept must allow application/json"
        raise RejectedCall(answers.invalid({"Accept": [message]}), "accept", message)


def parse_partial_invoice(body: bytes) -> PartialInvoice:
    """Parse the body of a PATCH; raise `RejectedCall` if it is invalid."""
    return parse_strictly(PartialInvoice, body)


def parse_tracking_status(body: bytes) -> TrackingStatus:
    """Parse the body of a PUT; raise `RejectedCall` if it is invalid."""
    return parse_strictly(TrackingStatus, body)


def parse_strictly(model: type[_M], body: bytes) -> _M:
    """Parse *body* as *model*; raise `RejectedCall` with an error per field."""
    if not body:
        raise RejectedCall(answers.unsupported(), "no-body", "body: required")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        errors = field_errors(error)
        raise RejectedCall(
            answers.invalid(errors), "body", json.dumps(errors)
        ) from None


def field_errors(error: ValidationError) -> dict[str, list[str]]:
    """Return the messages of a failed validation by JSON path (`$.field[0]`)."""
    errors: dict[str, list[str]] = {}
    for found in error.errors(include_url=False, include_input=False):
        path = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}"
            for part in found["loc"]
        )
        errors.setdefault(f"${path}", []).append(found["msg"])
    return errors


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _allows_json(accept: str) -> bool:
    ranges = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(ranges & {"application/json", "application/*", "*/*"})
