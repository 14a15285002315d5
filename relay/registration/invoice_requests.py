"""Requests of the ERP about invoices, with the fields of VTEX's order invoice."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, WithJsonSchema

from relay.domain.fiscal import KEY_LENGTH
from relay.domain.invoices import InvoiceType
from relay.errors import InvalidLabel
from relay.registration import checks
from relay.registration.requests import (
    Address,
    Day,
    InvoiceNumber,
    Moment,
    Needed,
    Number,
    OrderId,
    Request,
    Text,
)
from relay.suggestions import did_you_mean
from relay.validation_errors import problem

MOST_ITEMS: Final = 1000
LONGEST_XML: Final = 800_000
"""Characters of the embedded XML; the whole body has a limit of its own."""
MOST_CENTS: Final = 10**15
_ANY_ZONE: Final = ZoneInfo("UTC")


def _cents(value: Any) -> Any:
    """Accept cents as a whole number, or as a text of digits, as VTEX does."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    plain = isinstance(value, str) and value.isascii() and value.isdigit()
    if not plain or not 0 < int(value) < MOST_CENTS:
        hint = 'write cents without a separator: 199.90 is "19990"'
        raise problem("not an amount in cents above zero", hint)
    return str(int(value))


def _any_key(value: Any) -> Any:
    """Check the key of an NF-e; keys of other countries have other forms."""
    if value == "":
        return None
    if isinstance(value, str) and len("".join(value.split())) == KEY_LENGTH:
        try:
            return checks.parse_invoice_key(value).key
        except InvalidLabel as error:
            raise problem(str(error), error.hint, code=error.code) from None
    return value


def _type(value: Any) -> Any:
    """Accept VTEX's two types in its spelling only: one of them moves money."""
    known = [kind.value for kind in InvoiceType]
    if value not in known:
        hint = "use Output for goods to the shopper; Input is a return with a refund"
        raise problem("must be Output or Input, written like that", hint)
    return InvoiceType(value)


Cents = Annotated[
    str,
    BeforeValidator(_cents),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["19990"]}),
]
AnyKey = Annotated[
    Annotated[str, Field(max_length=200)] | None, BeforeValidator(_any_key)
]
Direction = Annotated[
    InvoiceType,
    BeforeValidator(_type),
    WithJsonSchema({"type": "string", "enum": [kind.value for kind in InvoiceType]}),
]


def _issued(value: Any) -> Any:
    """Require a date with its time (VTEX: formatting the order invoicing time)."""
    if not isinstance(value, str):
        return value
    try:
        checks.parse_event_time(value, _ANY_ZONE, "")
    except InvalidLabel as error:
        raise problem(str(error), error.hint, code=error.code) from None
    return value


Issued = Annotated[
    Needed,
    BeforeValidator(_issued),
    Field(examples=["2026-08-01T14:03:00-03:00"]),
]


class InvoiceItemRequest(Request):
    """One item; `price` is of one unit, in cents."""

    id: Needed
    price: Annotated[int, Field(ge=0, lt=MOST_CENTS)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    description: Text = None


class InvoiceNotificationRequest(Request):
    """An invoice that the relay posts to VTEX for the ERP.

    With `trackingNumber` the parcel is registered too, as by *register a label*, and
    VTEX gets both in one call. Without it the tracking number comes later, with the
    label. `type` is `Output` unless it says `Input`: a return, which VTEX refunds. That
    needs a token with the scope `returns` as well.
    """

    instead: ClassVar[Mapping[str, str]] = {
        "invoiceDate": did_you_mean("issuanceDate"),
        "value": did_you_mean("invoiceValue"),
        "trackingCode": did_you_mean("trackingNumber"),
        "volumes": "register the other parcels with POST /v1/shipments",
        "parcels": "register the other parcels with POST /v1/shipments",
    }

    account: Text = None
    type: Direction = InvoiceType.OUTPUT
    order_id: OrderId
    invoice_number: InvoiceNumber
    invoice_value: Cents
    issuance_date: Issued
    items: Annotated[tuple[InvoiceItemRequest, ...], Field(max_length=MOST_ITEMS)] = ()
    invoice_key: AnyKey = None
    invoice_url: Address = None
    embedded_invoice: Annotated[str | None, Field(max_length=LONGEST_XML)] = None
    tracking_number: Number = None
    tracking_url: Address = None
    courier: Text = None
    dispatched_date: Moment = None
    estimated_delivery_date: Day = None
    contract: Text = None
    carrier_tax_id: Text = None
