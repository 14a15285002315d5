"""What operations on shipments answer, field by field."""

from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from relay.domain.status import ShipmentState
from relay.errors import Conflict, NotFound, RegistrationError
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode


class ResponseModel(BaseModel):
    """Base of answers: camel case, times in UTC."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, frozen=True
    )


class FieldError(ResponseModel):
    """One error of a request; the field at fault, if there is one."""

    code: ProblemCode
    field: str = ""
    detail: str
    hint: str = ""


class Problem(ResponseModel):
    """What is wrong, with which field, and how to fix it (RFC 9457).

    `errors` are all errors of the request; `code`, `field` and `hint` are of the first.
    """

    type: str
    title: str
    status: int
    code: ProblemCode
    detail: str
    field: str = ""
    hint: str = ""
    errors: tuple[FieldError, ...] = ()

    @classmethod
    def of(cls, error: RegistrationError) -> "Problem":
        """Describe *error*, with the HTTP status of its class."""
        status, title = HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid field"
        if isinstance(error, Conflict):
            status, title = HTTPStatus.CONFLICT, "Conflict"
        elif isinstance(error, NotFound):
            status, title = HTTPStatus.NOT_FOUND, "Not found"
        return cls(
            type=error.code.type,
            title=title,
            status=status,
            code=error.code,
            detail=error.summary(),
            field=error.field,
            hint=error.hint,
            errors=tuple(
                FieldError(code=e.code, field=e.field, detail=str(e), hint=e.hint)
                for e in error.each()
            ),
        )


class WarningLine(ResponseModel):
    """What to check of an accepted request; `message` names field, problem and fix."""

    code: WarningCode
    field: str = ""
    message: str

    @classmethod
    def each(cls, warnings: Iterable[CodedWarning]) -> "tuple[WarningLine, ...]":
        """Describe *warnings*."""
        return tuple(cls(code=w.code, field=w.field, message=str(w)) for w in warnings)


class ShipmentAnswer(ResponseModel):
    """The state of a shipment after a change; `updated` names the changed fields."""

    id: str
    state: ShipmentState
    why: str | None = None
    closed_reason: str | None = None
    updated: tuple[str, ...] = ()
    warnings: tuple[WarningLine, ...] = ()


class BulkItem(ResponseModel):
    """The result of one label of many, by its index; `status` as for a single label.

    Either `id` and the shipment's state, or the `problem`.
    """

    index: int
    status: int
    id: str | None = None
    state: ShipmentState | None = None
    why: str | None = None
    closed_reason: str | None = None
    updated: tuple[str, ...] = ()
    warnings: tuple[WarningLine, ...] = ()
    problem: Problem | None = None


class BulkAnswer(ResponseModel):
    """The result of each label, in order; `refused` counts the problems."""

    refused: int
    items: tuple[BulkItem, ...]


class BulkActionAnswer(ResponseModel):
    """How many were changed; with `next` there are more: send it as `cursor`."""

    count: int
    next: str | None


class TrackingNumberSent(ResponseModel):
    """The four fields of an invoice that are published to VTEX."""

    tracking_number: str
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None


class StoredRow(ResponseModel):
    """Base of listed rows; `damage` says why a row is shown in part only."""

    damage: str | None = None


class ShipmentSummary(StoredRow):
    """One invoice of one order, and its state."""

    id: str
    account: str
    order_id: str
    invoice_number: str
    invoice_key: str | None
    contract: str
    volumes: int
    tracking_number: str | None
    tracking_url: str | None
    courier: str | None
    dispatched_date: str | None
    estimated_delivery_date: str | None
    state: ShipmentState
    why: str | None
    closed_reason: str | None
    registered_at: datetime
    last_event_at: datetime | None
    delivered_published_at: datetime | None
    verified_at: datetime | None
    updated_at: datetime


class ShipmentList(ResponseModel):
    """A page; `next` is the cursor of the next one, None at the end.

    A page may be short, even empty, and still have a next one. `resume` is the cursor
    of the changes after this page, if it is a list of changes; it never ends.
    """

    shipments: tuple[ShipmentSummary, ...]
    next: str | None = None
    resume: str | None = None


class RegisteredReference(ResponseModel):
    """A value by which the carrier identifies a parcel, and when it was registered."""

    type: str
    value: str
    contract: str
    registered_at: datetime
    voided_at: datetime | None


class Parcel(ResponseModel):
    """One parcel."""

    volume: int
    contract: str
    tracking_number: str | None
    references: tuple[RegisteredReference, ...]
