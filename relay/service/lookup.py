"""Find the shipment that an operation is about, and report its state afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from relay.domain.events import Reference, ReferenceKind
from relay.errors import Conflict, NotFound
from relay.problem_codes import CodedWarning, WarningCode
from relay.registration.corrections import RegisteredShipment
from relay.service.access import Caller
from relay.service.context import AuditEntry, ServiceContext
from relay.service.models import ShipmentAnswer, WarningLine
from relay.store.shipment_lists import ListedShipment, ShipmentFilter, ShipmentLists
from relay.store.shipment_rows import no_such_shipment, stored_reference

MOST_NAMED: Final = 20
"""Shipments listed in the error for a name that matches several."""


async def find_shipment(
    context: ServiceContext, caller: Caller, id_: str
) -> ListedShipment:
    """Return a shipment by id; raise `NotFound`, also for another account's."""
    shipment = await context.shipment_lists.one(id_, context.now())
    if shipment is None or not caller.sees(shipment.row["account"]):
        raise no_such_shipment()
    return shipment


async def resolve_name(
    context: ServiceContext, caller: Caller, named: str
) -> ListedShipment:
    """Return the one shipment with this id, order or tracking number.

    Raises `NotFound`, and `Conflict` listing the shipments if several match.
    """
    lists = context.shipment_lists
    by_id = await lists.one(named, context.now())
    found = [by_id] if by_id else await _search(context, lists, named)
    visible = [f for f in found if caller.sees(f.row["account"])]
    if not visible:
        raise NotFound(
            "no shipment has this id, order or tracking number",
            hint="`relay shipments list` shows them",
        )
    if len(visible) > 1:
        raise Conflict(
            f"matches several shipments; use the id of one:\n{_lines(visible)}"
        )
    return visible[0]


async def _search(
    context: ServiceContext, lists: ShipmentLists, named: str
) -> list[ListedShipment]:
    """Return the shipments of an order, and those with a tracking number."""
    found: dict[str, ListedShipment] = {}
    for wanted in (
        ShipmentFilter(order_id=named),
        ShipmentFilter(tracking_number=named),
    ):
        page = await lists.shipments(wanted, context.now(), limit=MOST_NAMED)
        found |= {listed.row["id"]: listed for listed in page.shipments}
    return list(found.values())


def _lines(found: Iterable[ListedShipment]) -> str:
    """Return one line per shipment, with the fields that differ."""
    names = ("id", "account", "order_id", "invoice_number", "tracking_number")
    return "\n".join(
        "  ".join([*(str(f.row[name] or "-") for name in names), f.standing.state])
        for f in found
    )


async def registered_shipment(
    context: ServiceContext, shipment: ListedShipment
) -> RegisteredShipment:
    """Return what is registered of a shipment, to check a change against it."""
    row = shipment.row
    parcels, rows = await context.shipment_lists.registered(row["shipment"])
    numbers = {p["volume"]: p["tracking_number"] for p in parcels}
    references: list[Reference] = [
        stored_reference(r)
        for r in rows
        if r["voided_at"] is None and r["kind"] != ReferenceKind.TRACKING_NUMBER
    ]
    names = ("account", "contract", "invoice_number", "invoice_key")
    published = ("tracking_number", "tracking_url", "courier")
    return RegisteredShipment(
        **{name: row[name] for name in (*names, *published)},
        numbers=numbers,
        references=tuple(references),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a shipment: the log message, what was updated, warnings.

    `registered` says that a label was registered, which should have a dispatch date.
    """

    id: str
    did: str
    updated: tuple[str, ...] = ()
    warnings: tuple[CodedWarning, ...] = ()
    registered: bool = False


async def report_change(
    context: ServiceContext, caller: Caller, change: Change
) -> ShipmentAnswer:
    """Pass a change to the audit, and return the shipment's present state."""
    shipment = await context.shipment_lists.one(change.id, context.now())
    assert shipment is not None  # noqa: S101 -- it was just written to
    return report(context, caller, change, shipment)


def report(
    context: ServiceContext, caller: Caller, change: Change, shipment: ListedShipment
) -> ShipmentAnswer:
    """Pass a change to the audit, and return the state of the changed *shipment*."""
    row, standing = shipment.row, shipment.standing
    about = {
        "account": row["account"],
        "order": row["order_id"],
        "invoice": row["invoice_number"],
        "contract": row["contract"],
        "tracking_number": row["tracking_number"],
        "shipment": change.id,
        "updated": list(change.updated),
    }
    context.audit(AuditEntry(change.did, caller.name, about))
    warnings = change.warnings
    if change.registered and row["dispatched_date"] is None:
        warnings = (*warnings, without_date(context, row["contract"]))
    return ShipmentAnswer(
        id=change.id,
        state=standing.state,
        why=standing.why,
        closed_reason=standing.closed_reason,
        updated=change.updated,
        warnings=WarningLine.each(warnings),
    )


def without_date(context: ServiceContext, contract: str) -> CodedWarning:
    """Return the warning of a label without a dispatch date, and what that means."""
    terms = context.settings.contracts.get(contract)
    if terms is not None and terms.labels_come_late:
        so = "a delivery of an earlier parcel with the same number may be published"
    else:
        so = "a delivery from before this registration waits for an operator"
    text = f"missing, so {so}; send when the parcel left the warehouse"
    return CodedWarning(WarningCode.DISPATCHED_DATE_MISSING, text, "dispatchedDate")
