"""What VTEX shows of an order, and whether it is what we told."""

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
    """Return how two numbers of the same invoice differ; None if of two invoices.

    They may differ by leading zeros, or by a series that only one of them bears,
    before or behind the number. Blanks and case count, as they do for VTEX (known
    issue 631970).
    """
    if _zeros_off(one) == _zeros_off(other):
        return "zeros"
    (number, series), (number_too, series_too) = _split(one), _split(other)
    if number != number_too or (series and series_too and series != series_too):
        return None
    return "series"


def _zeros_off(number: str) -> str:
    """Return *number* with the leading zeros of each of its parts taken off."""
    return re.sub(r"(?<![0-9A-Za-z])0+(?=[0-9A-Za-z])", "", number)


_WITH_SERIES: Final = re.compile(r"([0-9A-Za-z]+)[-/_]([0-9A-Za-z]+)")
_NUMBER: Final = re.compile(r"[0-9]+")
_SERIES: Final = re.compile(r"[A-Za-z]{0,3}[0-9]{1,4}")


def _split(text: str) -> tuple[str, str]:
    """Split off the series: "000123-1" and "001-000123" are number 123.

    The number is the longer part, the first of two as long. What has no series
    is a number alone.
    """
    match = _WITH_SERIES.fullmatch(text)
    if match is None:
        return _zeros_off(text), ""
    first, second = match.groups()
    number, series = (second, first) if len(second) > len(first) else (first, second)
    if not (_NUMBER.fullmatch(number) and _SERIES.fullmatch(series)):
        return _zeros_off(text), ""
    return _zeros_off(number), _zeros_off(series)


Difference = Likeness | Literal["key"]
"""How VTEX writes the number: other zeros, a series more or less, or otherwise."""
Fact = tuple[datetime, str]
"""An event as it is compared: the instant to the second, in UTC, and the text."""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event as VTEX lists it; `instant` is None if its time cannot be read."""

    instant: datetime | None
    text: str
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class PackageView:
    """One invoice of an order, with what VTEX knows of its way.

    `finished` is how VTEX shows a delivery; its `status` stays "unknown" for
    carriers it is not integrated with (VTEX: tracking guide of 2022).
    """

    invoice_number: str
    invoice_key: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    courier: str = ""
    finished: bool = False
    data: tuple[ShownEvent, ...] = ()

    @property
    def snapshot(self) -> frozenset[Fact]:
        """The readable events, as they are compared."""
        return frozenset((e.instant, e.text) for e in self.data if e.instant)


@dataclass(frozen=True, slots=True)
class OrderView:
    """What VTEX shows of an order: its state, and its packages that go out."""

    status: str
    packages: tuple[PackageView, ...] = ()

    @property
    def canceled(self) -> bool:
        """Whether the order was cancelled for good (VTEX: order flow and status)."""
        return self.status == "canceled"


def parse_order(payload: object) -> OrderView | None:
    """Read the answer of *get order*; None if it is no order at all.

    Whatever else is missing or odd is left out, its neighbours are not. Packages
    of the type Input are returns, none of our business (VTEX: known issue 415482).
    """
    order = _fields(payload)
    if not order.keys() & {"orderId", "status", "packageAttachment"}:
        return None
    shown = _items(_fields(order.get("packageAttachment")).get("packages"))
    packages = tuple(_package(p) for p in shown if p.get("type") != "Input")
    return OrderView(_text(order, "status"), packages)


def _package(package: Mapping[str, object]) -> PackageView:
    way = _fields(package.get("courierStatus"))
    return PackageView(
        invoice_number=_text(package, "invoiceNumber"),
        invoice_key=_text(package, "invoiceKey"),
        tracking_number=_text(package, "trackingNumber"),
        tracking_url=_text(package, "trackingUrl"),
        courier=_text(package, "courier"),
        finished=way.get("finished") is True,
        data=tuple(_event(e) for e in _items(way.get("data"))),
    )


def _event(event: Mapping[str, object]) -> ShownEvent:
    return ShownEvent(
        next(instants(_text(event, "lastChange")), None),
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
    """VTEX shows the invoice under the very number."""

    package: PackageView


@dataclass(frozen=True, slots=True)
class DifferentNumber:
    """VTEX shows what must be the invoice, under a number written otherwise."""

    package: PackageView
    by: Difference


def find_package(
    order: OrderView,
    invoice_number: str,
    invoice_key: str | None = None,
    vtex_invoice_number: str | None = None,
) -> FoundPackage | DifferentNumber | None:
    """Find the package of an invoice: the very number first, then a likeness.

    *vtex_invoice_number* is how VTEX was seen to write it. Of likenesses the same
    invoice key is the best. A package with another key is another invoice, and
    two that are alike are none: a guess would tell a shopper of the wrong box.
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
    """Return those of the *objects*, as sent, that VTEX shows for *package*.

    A time sent without offset may be shown as if it were UTC, or brought there from
    the account's *zone*: VTEX does not say, so both are taken.
    """
    snapshot = package.snapshot
    return [
        one
        for one in objects
        if any(
            (i, tidy(one["description"])) in snapshot
            for i in instants(one["date"], zone)
        )
    ]


def shows_tracking_number(
    package: PackageView,
    tracking_number: str | None,
    url: str | None,
    courier: str | None,
) -> bool:
    """Whether *package* shows all of the number, URL and courier that we hold.

    A field for which we hold nothing is no difference, whatever VTEX shows: to
    announce it would blank what somebody else has put there.
    """
    held = (tracking_number, url, courier)
    shown = (package.tracking_number, package.tracking_url, package.courier)
    pairs = zip(held, shown, strict=True)
    return all(not ours or ours.strip() == theirs.strip() for ours, theirs in pairs)
