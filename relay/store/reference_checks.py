"""Checks of references before they are registered: too many, or another store's."""

from collections.abc import Collection, Iterable
from typing import Final

from relay.domain.events import ReferenceKind, ReferenceLevel
from relay.domain.labels import MOST_REFERENCES
from relay.errors import Conflict, InvalidLabel
from relay.problem_codes import ProblemCode
from relay.store.codec import ids, rows
from relay.store.references import key
from relay.store.shipment_rows import Placed, ShipmentWriter


async def refuse_foreign(
    writing: ShipmentWriter, placed: Iterable[Placed], visible: Collection[str] | None
) -> None:
    """Refuse references of open shipments whose accounts are not *visible*.

    With such a reference a caller who is limited to some accounts would get the events
    of another store's parcel. Order ids and invoice numbers are not checked: two stores
    may have the same. None means that all accounts are visible. Raises `Conflict`,
    which names nothing of the other store.
    """
    if visible is None:
        return
    owned = {
        writing.interned[key(writing.contract, reference)]: reference
        for reference, _ in placed
        if reference.kind.level is ReferenceLevel.PARCEL
        or reference.kind is ReferenceKind.INVOICE_KEY
    }
    found = await writing.tx.rows(
        "foreign_references",
        rows=ids("reference", owned),
        accounts=rows({"account": account} for account in visible),
    )
    for row in found:
        field = _FIELDS.get(owned[row["reference"]].kind, "references")
        raise Conflict(
            f"{row['given']!r} is registered for a parcel of another account, under "
            "the same contract",
            field=field,
            hint="check it; if it is right, let an operator whose token sees both "
            "accounts cancel or correct the other shipment first",
        )


_FIELDS: Final = {
    ReferenceKind.TRACKING_NUMBER: "trackingNumber",
    ReferenceKind.INVOICE_KEY: "invoiceKey",
}


def refuse_too_many(had: int, more: int) -> None:
    """Refuse references that, with those of earlier requests, would hold up others.

    *had* are registered, *more* are new. Raises `InvalidLabel`.
    """
    if more and had + more > MOST_REFERENCES:
        raise InvalidLabel(
            f"{had + more:,} references in all, {had:,} of them registered before; "
            f"at most {MOST_REFERENCES:,}",
            field="references",
            hint="give each parcel only those that the carrier uses; to replace wrong "
            "ones, cancel the shipment and register it again",
            code=ProblemCode.TOO_LONG,
        )
