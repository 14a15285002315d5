"""The filters of lists and bulk operations: the same in the API and the CLI."""

from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from relay.domain.invoices import InvoiceState
from relay.domain.status import ShipmentState
from relay.registration.requests import Request
from relay.validation_errors import problem

MOST: Final = 200
"""Rows of one page at most."""
Cursor = Annotated[str | None, Field(max_length=100)]


class Paging(BaseModel):
    """Base of a list's query: which page, and how many rows of it."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class ShipmentQuery(Paging):
    """Filters of the list of shipments; a shipment must match all that are given.

    With `updatedSince` they are listed by their last change, the oldest first.
    """

    account: str | None = None
    contract: str | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    tracking_number: str | None = None
    state: ShipmentState | None = None
    updated_since: AwareDatetime | None = None


class InvoiceQuery(Paging):
    """Filters of the list of invoices; an invoice must match all that are given."""

    account: str | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    state: InvoiceState | None = None


class DocumentQuery(Paging):
    """Filters of the list of documents.

    A document belongs to every account of its contract.
    """

    account: str | None = None
    contract: str | None = None
    unreadable: bool = False


class ShadowQuery(Paging):
    """Filter of an account's comparisons; `all` includes those without a finding."""

    all: bool = Field(default=False, description="Also shipments without a difference.")


class WorkListQuery(Paging):
    """Filters of a work list; `days` without an event make a shipment silent."""

    account: str | None = None
    contract: str | None = None
    days: Annotated[int, Field(ge=1, le=3650)] = 7


class CountQuery(BaseModel):
    """Filters of the counts of a work list."""

    model_config = Paging.model_config

    account: str | None = None
    contract: str | None = None


class RetryRequest(Request):
    """Which stuck shipments to retry; `reason` is part of theirs, in any case."""

    account: str | None = None
    contract: str | None = None
    reason: str | None = Field(default=None, max_length=200)
    cursor: Cursor = None


class ReplayRequest(Request):
    """Which documents to parse again; `since` is when they were received."""

    account: str | None = None
    contract: str | None = None
    unreadable: bool = True
    since: AwareDatetime | None = Field(default=None, strict=False)
    cursor: Cursor = None


class AcceptRequest(Request):
    """How to accept rejected requests.

    They are verified again, unless `unverified` says that you vouch for them; the
    `reason` is recorded with each document and in the log.
    """

    unverified: bool = False
    reason: str | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        """Require a reason for what is not verified, and only for that."""
        if self.unverified and not (self.reason or "").strip():
            hint = "say how you know that the carrier sent it"
            raise problem("required with unverified", hint, field="reason")
        if self.reason is not None and not self.unverified:
            hint = "set unverified to true, or remove reason: it is verified again"
            raise problem("given without unverified", hint, field="reason")
        return self


class AcceptManyRequest(AcceptRequest):
    """The contract whose rejected requests are accepted, and how."""

    contract: str
    cursor: Cursor = None
