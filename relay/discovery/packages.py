"""Which packages of an order become labels; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from relay.domain.discovery import DiscoveredOrder
from relay.errors import InvalidLabel
from relay.registration.checks import check_url, parse_invoice_key
from relay.vtex.orders import OrderView, PackageView

Claiming = Callable[[str], str | None]
"""Returns the contract that has a courier's name, if there is one."""


@dataclass(frozen=True, slots=True)
class FoundParcel:
    """A package to register: its contract, and the fields of the label."""

    invoice: str
    contract: str
    fields: Mapping[str, Any]

    @property
    def mark(self) -> str:
        """What of it may change later: contract and tracking number."""
        return f"{self.contract} {self.fields['trackingNumber']}"


@dataclass(frozen=True, slots=True)
class FoundParcels:
    """What is to be done for an order.

    `outdated` are invoices that the relay registered, which have another tracking
    number or courier now, or are not in the order any more. `unclaimed` are couriers
    that no contract has; `incomplete` says that a package has no number or courier yet.
    """

    parcels: tuple[FoundParcel, ...]
    outdated: tuple[str, ...]
    unclaimed: tuple[str, ...]
    incomplete: bool

    @property
    def without_changes(self) -> "FoundParcels":
        """What remains if the changes of registered invoices do not count."""
        new = tuple(p for p in self.parcels if p.invoice not in self.outdated)
        return replace(self, parcels=new, outdated=())


def found_parcels(
    order: DiscoveredOrder, view: OrderView, claiming: Claiming, *, late: bool
) -> FoundParcels:
    """Return what the packages of an order lead to.

    *late*: the parcel may have left before it is registered now. `view` has no returns.
    """
    parcels: list[FoundParcel] = []
    unclaimed: dict[str, None] = {}
    incomplete = not view.packages
    for package in view.packages:
        if not (package.invoice_number and package.tracking_number and package.courier):
            incomplete = True
            continue
        contract = claiming(package.courier)
        known = package.invoice_number in order.registered
        if contract is None:
            unclaimed[package.courier] = None
        elif known or not package.finished:
            fields = _label(order, package, contract, late=late)
            parcels.append(FoundParcel(package.invoice_number, contract, fields))
    outdated = _outdated(order, view, parcels)
    return FoundParcels(tuple(parcels), outdated, tuple(unclaimed), incomplete)


def _outdated(
    order: DiscoveredOrder, view: OrderView, parcels: list[FoundParcel]
) -> tuple[str, ...]:
    """Return the registered invoices that changed or are gone.

    An order without packages proves nothing: it may be an incomplete answer.
    """
    shown = {p.invoice_number for p in view.packages}
    marks = {p.invoice: p.mark for p in parcels}
    return tuple(
        invoice
        for invoice, mark in order.registered.items()
        if (shown and invoice not in shown) or marks.get(invoice, mark) != mark
    )


def _label(
    order: DiscoveredOrder, package: PackageView, contract: str, *, late: bool
) -> dict[str, Any]:
    """Return the fields of a label; VTEX has its tracking number already."""
    fields: dict[str, Any] = {
        "account": order.account,
        "contract": contract,
        "orderId": order.order_id,
        "invoiceNumber": package.invoice_number,
        "trackingNumber": package.tracking_number.strip(),
        "courier": package.courier.strip(),
        "trackingSent": True,
        "imported": late or bool(package.data),
    }
    if _is_valid(check_url, package.tracking_url):
        fields["trackingUrl"] = package.tracking_url
    if _is_valid(parse_invoice_key, package.invoice_key):
        fields["invoiceKey"] = package.invoice_key
    return fields


def _is_valid(check: Callable[[str], object], text: str) -> bool:
    """Whether an optional field can be registered; else it is left out."""
    try:
        check(text)
    except InvalidLabel:
        return False
    return bool(text)
