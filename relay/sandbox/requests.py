"""Request bodies of the control API."""

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
from relay.sandbox.orders import Invoice, NoInvoice, Order, PutMode
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan
from relay.sandbox.statuses import OrderStatus

Text = Annotated[str, Field(min_length=1)]


class ControlRequest(BaseModel):
    """A body in camel case; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


class InvoiceRequest(ControlRequest):
    """An invoice to add; `visibleAfterSeconds` delays when VTEX shows it."""

    invoice_number: Text
    invoice_key: str | None = None
    type: Literal["Output", "Input"] = "Output"
    items: list[dict[str, Any]] | None = None
    invoice_value: Annotated[int, Field(gt=0)] = 1000
    visible_after_seconds: Annotated[float, Field(ge=0)] = 0
    courier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None

    def to_invoice(self, now: datetime) -> Invoice:
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


class OrderItemRequest(ControlRequest):
    """An item of an order: the SKU's id, how many, and the price of one in cents."""

    id: Text
    quantity: Annotated[int, Field(gt=0)] = 1
    price: Annotated[int, Field(ge=0)] = 1000


class OrderRequest(ControlRequest):
    """An order to add, with its first invoices.

    `value` is its total in cents. Without it, and without items, no invoice is refused.
    """

    account: Text
    order_id: Text
    value: Annotated[int, Field(gt=0)] | None = None
    items: list[OrderItemRequest] = []
    status: OrderStatus | None = None
    invoices: list[InvoiceRequest] = []

    @model_validator(mode="after")
    def _invoices_are_unique(self) -> Self:
        numbers = Counter(i.invoice_number for i in self.invoices)
        twice = [number for number, times in numbers.items() if times > 1]
        if twice:
            raise ValueError(f"invoices: {twice[0]!r} appears twice")
        return self

    def to_order(self, now: datetime) -> Order:
        """Return the order, created *now*."""
        invoices = {i.invoice_number: i.to_invoice(now) for i in self.invoices}
        return Order(
            self.account,
            self.order_id,
            now,
            now,
            value=self.value,
            items=[item.model_dump() for item in self.items],
            given_status=self.status,
            invoices=invoices,
        )


class StatusRequest(ControlRequest):
    """The status of an order; null means that its invoices decide."""

    status: OrderStatus | None


class ExchangeRequest(InvoiceRequest):
    """An invoice to put in the place of `instead_of`, without its tracking."""

    instead_of: Text


class CredentialsRequest(ControlRequest):
    """A key pair to accept; `only` replaces all others of the account."""

    account: Text
    app_key: Text
    app_token: Text
    roles: tuple[Role, ...] = ALL_ROLES
    only: bool = False


class OptionsRequest(ControlRequest):
    """Options that can change while the sandbox runs.

    With `account`, `mode` is that of one account, whatever the others do.
    """

    account: Text | None = None
    mode: PutMode | None = None
    no_invoice: NoInvoice | None = None
    latency_ms: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _account_has_mode(self) -> Self:
        others = (self.no_invoice, self.latency_ms)
        if self.account is not None and (self.mode is None or others != (None, None)):
            raise ValueError("account: goes with mode, and with nothing else")
        return self


class ParcelScanRequest(ControlRequest):
    """The parcel that a scan is about."""

    order_id: Text
    shipment_id: str = ""
    tracking_number: str | None = None
    invoice_key: str | None = None
    invoice_number: str | None = None
    volume: Annotated[int, Field(ge=1)] = 1
    volumes: Annotated[int, Field(ge=1)] = 1

    def to_parcel(self) -> SimulatedParcel:
        """Return the parcel for the carrier's simulator."""
        fields = self.model_dump()
        fields["shipment_id"] = self.shipment_id or f"{self.order_id}-{self.volume}"
        return SimulatedParcel(**fields)


class ScanRequest(ControlRequest):
    """A carrier event, and where its webhook goes; without `url` only polls show it."""

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

    def to_scan(self, now: datetime) -> SimulatedScan:
        """Return the scan for the carrier's simulator."""
        return SimulatedScan(
            parcel=self.parcel.to_parcel(),
            code=self.code,
            occurred_at=(self.occurred_at or now).astimezone(UTC),
            description=self.description,
            city=self.city,
            state=self.state,
        )


_M = TypeVar("_M", bound=BaseModel)


async def parse_one(request: web.Request, model: type[_M]) -> _M:
    """Parse the body of *request* as one *model*, or answer 422."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise unprocessable(field_errors(error)) from error


async def parse_many(request: web.Request, model: type[_M]) -> list[_M]:
    """Parse the body as a list of *model* or as a single one, or answer 422."""
    body = await request.read()
    if not body.lstrip().startswith(b"["):
        return [await parse_one(request, model)]
    try:
        return TypeAdapter(list[model]).validate_json(body)  # type: ignore[valid-type]
    except ValidationError as error:
        raise unprocessable(field_errors(error)) from error


def number_in_query(request: web.Request, name: str) -> int:
    """Return a number from the query, 0 if it is missing, or answer 422."""
    text = request.query.get(name, "0")
    if not text.isdecimal():
        raise unprocessable({name: [f"{text!r} is not a whole number"]})
    return int(text)


def unprocessable(errors: Mapping[str, object]) -> web.HTTPUnprocessableEntity:
    """Return the 422 with an error per field."""
    body = json.dumps({"error": "invalid request; see errors", "errors": errors})
    return web.HTTPUnprocessableEntity(text=body, content_type="application/json")


def not_found(message: str) -> web.HTTPNotFound:
    """Return the 404 with *message*."""
    body = json.dumps({"error": message})
    return web.HTTPNotFound(text=body, content_type="application/json")
