"""The bodies that the control API takes."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from aiohttp import web
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from relay.sandbox.checks import field_errors
from relay.sandbox.credentials import ALL_ROLES, Role
from relay.sandbox.orders import Invoice, Order, PutMode
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan

Text = Annotated[str, Field(min_length=1)]


class ControlRequest(BaseModel):
    """A body in camel case without unknown fields."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


class InvoiceRequest(ControlRequest):
    """An invoice to be, perhaps one that appears only later."""

    invoice_number: Text
    invoice_key: str | None = None
    type: Literal["Output", "Input"] = "Output"
    items: list[dict[str, Any]] | None = None
    invoice_value: Annotated[int, Field(gt=0)] = 1000
    visible_after_seconds: Annotated[float, Field(ge=0)] = 0
    courier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None

    def made(self, now: datetime) -> Invoice:
        """Return the invoice, issued *now*."""
        item = {"itemIndex": 0, "quantity": 1, "price": self.invoice_value}
        return Invoice(
            number=self.invoice_number,
            type=self.type,
            value=self.invoice_value,
            issued_at=now,
            visible_at=now + timedelta(seconds=self.visible_after_seconds),
            items=[item] if self.items is None else self.items,
            key=self.invoice_key,
            courier=self.courier,
            tracking_number=self.tracking_number,
            tracking_url=self.tracking_url,
        )


class OrderRequest(ControlRequest):
    """An order to be, with the invoices it has from the start."""

    account: Text
    order_id: Text
    invoices: list[InvoiceRequest] = []

    @model_validator(mode="after")
    def _invoices_are_unique(self) -> Self:
        numbers = Counter(i.invoice_number for i in self.invoices)
        twice = [number for number, times in numbers.items() if times > 1]
        if twice:
            raise ValueError(f"invoice number {twice[0]!r} is there twice")
        return self

    def made(self, now: datetime) -> Order:
        """Return the order, created *now*."""
        invoices = {i.invoice_number: i.made(now) for i in self.invoices}
        return Order(self.account, self.order_id, now, now, invoices=invoices)


class CredentialsRequest(ControlRequest):
    """A key pair to accept, in place of all others of the account if `only`."""

    account: Text
    app_key: Text
    app_token: Text
    roles: tuple[Role, ...] = ALL_ROLES
    only: bool = False


class OptionsRequest(ControlRequest):
    """What may be changed while the sandbox runs."""

    mode: PutMode | None = None
    latency_ms: Annotated[int, Field(ge=0)] | None = None


class ParcelScanRequest(ControlRequest):
    """The parcel that a carrier speaks of."""

    order_id: Text
    shipment_id: str = ""
    tracking_number: str | None = None
    invoice_key: str | None = None
    invoice_number: str | None = None
    volume: Annotated[int, Field(ge=1)] = 1
    volumes: Annotated[int, Field(ge=1)] = 1

    def staged(self) -> SimulatedParcel:
        """Return the parcel as a carrier's part takes it."""
        fields = self.model_dump()
        fields["shipment_id"] = self.shipment_id or f"{self.order_id}-{self.volume}"
        return SimulatedParcel(**fields)


class ScanRequest(ControlRequest):
    """A scan, and where its webhook goes; without `url` it is kept for polls only."""

    parcel: ParcelScanRequest
    code: Text
    url: str | None = None
    secret: str = ""
    occurred_at: AwareDatetime | None = None
    description: str = ""
    city: str = ""
    state: str = ""
    forged: bool = False
    repeat: Annotated[int, Field(ge=1, le=1000)] = 1
    retry: bool = False

    def staged(self, now: datetime) -> SimulatedScan:
        """Return the scan as a carrier's part takes it."""
        return SimulatedScan(
            parcel=self.parcel.staged(),
            code=self.code,
            occurred_at=(self.occurred_at or now).astimezone(UTC),
            description=self.description,
            city=self.city,
            state=self.state,
        )


_M = TypeVar("_M", bound=BaseModel)


async def read_one(request: web.Request, model: type[_M]) -> _M:
    """Read the body of *request* as one *model*, or answer 422."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise unprocessable(field_errors(error)) from error


async def read_many(request: web.Request, model: type[_M]) -> list[_M]:
    """Read a list of *model*, or one alone, or answer 422."""
    body = await request.read()
    if not body.lstrip().startswith(b"["):
        return [await read_one(request, model)]
    try:
        return TypeAdapter(list[model]).validate_json(body)  # type: ignore[valid-type]
    except ValidationError as error:
        raise unprocessable(field_errors(error)) from error


def number_in_query(request: web.Request, name: str) -> int:
    """Return a number from the query, 0 if it is not there, or answer 422."""
    text = request.query.get(name, "0")
    if not text.isdecimal():
        raise unprocessable({name: [f"{text!r} is not a whole number"]})
    return int(text)


def unprocessable(errors: Mapping[str, object]) -> web.HTTPUnprocessableEntity:
    """Return the 422 that names each wrong field."""
    body = json.dumps({"error": "this cannot be done", "errors": errors})
    return web.HTTPUnprocessableEntity(text=body, content_type="application/json")


def not_found(message: str) -> web.HTTPNotFound:
    """Return the 404 that says what there is instead."""
    body = json.dumps({"error": message})
    return web.HTTPNotFound(text=body, content_type="application/json")
