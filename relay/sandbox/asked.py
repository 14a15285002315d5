"""The bodies that the control API takes."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from relay.sandbox.credentials import ALL_ROLES, Role
from relay.sandbox.orders import Invoice, Order, PutMode
from relay.sandbox.stage import StagedParcel, StagedScan

Text = Annotated[str, Field(min_length=1)]


class Asked(BaseModel):
    """A body in camel case without unknown fields."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True)


class InvoiceAsked(Asked):
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


class OrderAsked(Asked):
    """An order to be, with the invoices it has from the start."""

    account: Text
    order_id: Text
    invoices: list[InvoiceAsked] = []

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


class CredentialsAsked(Asked):
    """A key pair to accept, in place of all others of the account if `only`."""

    account: Text
    app_key: Text
    app_token: Text
    roles: tuple[Role, ...] = ALL_ROLES
    only: bool = False


class OptionsAsked(Asked):
    """What may be changed while the sandbox runs."""

    mode: PutMode | None = None
    latency_ms: Annotated[int, Field(ge=0)] | None = None


class ParcelAsked(Asked):
    """The parcel that a carrier speaks of."""

    order_id: Text
    shipment_id: str = ""
    tracking_number: str | None = None
    invoice_key: str | None = None
    invoice_number: str | None = None
    volume: Annotated[int, Field(ge=1)] = 1
    volumes: Annotated[int, Field(ge=1)] = 1

    def staged(self) -> StagedParcel:
        """Return the parcel as a carrier's part takes it."""
        fields = self.model_dump()
        fields["shipment_id"] = self.shipment_id or f"{self.order_id}-{self.volume}"
        return StagedParcel(**fields)


class ScanAsked(Asked):
    """A scan, and where its webhook goes; without `url` it is kept for polls only."""

    parcel: ParcelAsked
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

    def staged(self, now: datetime) -> StagedScan:
        """Return the scan as a carrier's part takes it."""
        return StagedScan(
            parcel=self.parcel.staged(),
            code=self.code,
            occurred_at=(self.occurred_at or now).astimezone(UTC),
            description=self.description,
            city=self.city,
            state=self.state,
        )
