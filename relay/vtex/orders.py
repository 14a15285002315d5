"""What VTEX shows of an order, compared with what was sent."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from relay.domain.events import compared
from relay.vtex.bodies import TrackingObject, instants, tidy

Likeness = Literal["zeros", "series"]


def likeness(one: str, other: str) -> Likeness | None:
    """Return how two numbers of one invoice differ, or None if they are two invoices.

    They may differ in leading zeros, or by a series that only one of them has, before
    or after the number. Blanks and case count, as for VTEX (known issue 631970).
    """
    if _without_zeros(one) == _without_zeros(other):
        return "zeros"
    (number, series), (number_too, series_too) = _split(one), _split(other)
    if number != number_too or (series and series_too and series != series_too):
        return None
    return "series"


def _without_zeros(number: str) -> str:
    """Return *number* without the leading zeros of each of its parts."""
    return re.sub(r"(?<![0-9A-Za-z])0+(?=[0-9A-Za-z])", "", number)


_WITH_SERIES: Final = re.compile(r"([0-9A-Za-z]+)[-/_]([0-9A-Za-z]+)")
_NUMBER: Final = re.compile(r"[0-9]+")
_SERIES: Final = re.compile(r"[A-Za-z]{0,3}[0-9]{1,4}")


def _split(text: str) -> tuple[str, str]:
    """Return number and series: "000123-1" and "001-000123" are number 123, series 1.

    The number is the longer part, or the first of two of the same length. A text of
    another form is a number without a series.
    """
    match = _WITH_SERIES.fullmatch(text)
    if match is None:
        return _without_zeros(text), ""
    first, second = match.groups()
    number, series = (second, first) if len(second) > len(first) else (first, second)
    if not (_NUMBER.fullmatch(number) and _SERIES.fullmatch(series)):
        return _without_zeros(text), ""
    return _without_zeros(number), _without_zeros(series)


Difference = Likeness | Literal["key", "exchanged"]
"""How VTEX's number differs: in zeros, by a series, or wholly.

`key`: only the invoice key is the same. `exchanged`: the ERP exchanged the invoice.
"""
ShownKey = tuple[datetime, str]
"""An event for comparison: its instant in UTC, to the second, and its text."""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event as VTEX lists it; `instant` is None if its time is invalid."""

    instant: datetime | None
    text: str
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class PackageView:
    """One invoice of an order, with its tracking data.

    `finished` is how VTEX shows a delivery; its `status` stays "unknown" for
    carriers it is not integrated with (VTEX: tracking guide of 2022).
    """

    invoice_number: str
    invoice_key: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    courier: str = ""
    finished: bool = False
    delivered_date: str = ""
    data: tuple[ShownEvent, ...] = ()

    @property
    def shown(self) -> frozenset[ShownKey]:
        """The events with a valid time, for comparison."""
        return frozenset((e.instant, e.text) for e in self.data if e.instant)


OrderEnd = Literal["cancelled", "replaced"]
"""How an order ended."""
_ENDS: Final[Mapping[str, OrderEnd]] = {
    "canceled": "cancelled",  # VTEX's spelling, with one l
    "replaced": "replaced",
}
# Spelled in several ways by VTEX's own pages.
_CANCELLING: Final = frozenset(
    {
        "cancel",
        "request-cancel",
        "cancellation-requested",
        "cancellation_requested",
        "cancelation-request",
    }
)


@dataclass(frozen=True, slots=True)
class OrderView:
    """What VTEX shows of an order: its status and its outgoing packages.

    `changed_at` is VTEX's time of its last change; None if that is invalid.
    """

    status: str
    packages: tuple[PackageView, ...] = ()
    changed_at: datetime | None = None

    @property
    def ended(self) -> OrderEnd | None:
        """How it ended, which is final (VTEX: order flow and status).

        A replaced order was changed into another one, which has an id of its own.
        """
        return _ENDS.get(self.status)

    @property
    def cancelling(self) -> bool:
        """Whether its cancellation was requested, which may still be refused."""
        return self.status in _CANCELLING


def parse_order(payload: object) -> OrderView | None:
    """Parse the answer of *get order*; return None if it is not an order.

    A field that is missing or invalid is left empty, and the others are used.
    Packages of the type Input are returns and left out (VTEX: known issue 415482).
    """
    order = _fields(payload)
    if not order.keys() & {"orderId", "status", "packageAttachment"}:
        return None
    shown = _items(_fields(order.get("packageAttachment")).get("packages"))
    packages = tuple(_package(p) for p in shown if p.get("type") != "Input")
    changed_at = next(instants(_text(order, "lastChange")), None)
    return OrderView(_text(order, "status"), packages, changed_at)


def _package(package: Mapping[str, object]) -> PackageView:
    tracking = _fields(package.get("courierStatus"))
    return PackageView(
        invoice_number=_text(package, "invoiceNumber"),
        invoice_key=_text(package, "invoiceKey"),
        tracking_number=_text(package, "trackingNumber"),
        tracking_url=_text(package, "trackingUrl"),
        courier=_text(package, "courier"),
        finished=tracking.get("finished") is True,
        delivered_date=_text(tracking, "deliveredDate"),
        data=tuple(_event(e) for e in _items(tracking.get("data"))),
    )


def _event(event: Mapping[str, object]) -> ShownEvent:
    # `lastChange` is the event's own time; `createDate` stands for one that is missing.
    time = _text(event, "lastChange") or _text(event, "createDate")
    return ShownEvent(
        next(instants(time), None),
        tidy(_text(event, "description")),
        tidy(_text(event, "city")),
        tidy(_text(event, "state")),
    )


def _fields(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Mapping[str, object]]:
    return [i for i in value if isinstance(i, dict)] if isinstance(value, list) else []


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class FoundPackage:
    """VTEX shows the invoice under exactly its number."""

    package: PackageView


@dataclass(frozen=True, slots=True)
class DifferentNumber:
    """VTEX shows the invoice under a number in another form."""

    package: PackageView
    by: Difference


def find_package(
    order: OrderView,
    invoice_number: str,
    invoice_key: str | None = None,
    vtex_invoice_number: str | None = None,
) -> FoundPackage | DifferentNumber | None:
    """Find the package of an invoice: by its exact number, else by a similar one.

    *vtex_invoice_number* is its number in VTEX from an earlier order check. The same
    invoice key is the best similarity; a package with another key is another invoice.
    Two similar packages count as none, because a guess could pick the wrong parcel.
    """
    for number in (vtex_invoice_number, invoice_number):
        for package in order.packages:
            if number and package.invoice_number == number:
                return FoundPackage(package)
    for by in _BEST_FIRST:
        alike = [
            package
            for package in order.packages
            if _likeness(package, invoice_number, invoice_key) == by
        ]
        if alike:
            return DifferentNumber(alike[0], by) if len(alike) == 1 else None
    return None


_BEST_FIRST: Final[tuple[Difference, ...]] = ("key", "zeros", "series")


def _likeness(
    package: PackageView, invoice_number: str, invoice_key: str | None
) -> Difference | None:
    if invoice_key and package.invoice_key:
        same = compared(invoice_key) == compared(package.invoice_key)
        return "key" if same else None
    return likeness(invoice_number, package.invoice_number)


def shown_objects(
    package: PackageView, objects: Iterable[TrackingObject], zone: ZoneInfo
) -> list[TrackingObject]:
    """Return those of the sent *objects* that VTEX shows for *package*.

    VTEX does not document whether it takes a time without offset as UTC or as local
    in the account's *zone*, so both count.
    """
    shown = package.shown
    return [
        one
        for one in objects
        if any(
            (i, tidy(one["description"])) in shown for i in instants(one["date"], zone)
        )
    ]


def shows_tracking_number(
    package: PackageView,
    tracking_number: str | None,
    url: str | None,
    courier: str | None,
) -> bool:
    """Whether *package* shows the given number, URL and courier.

    A field without a value here is never a difference: sending it would overwrite
    what VTEX has.
    """
    stored = (tracking_number, url, courier)
    shown = (package.tracking_number, package.tracking_url, package.courier)
    pairs = zip(stored, shown, strict=True)
    return all(not one or one.strip() == other.strip() for one, other in pairs)
