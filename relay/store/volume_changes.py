"""Changing how many parcels an invoice has."""

from collections.abc import Sequence

from relay.domain.labels import LabelParcel
from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode
from relay.store.database import Row
from relay.store.shipment_rows import ShipmentWriter


async def change_volumes(
    writing: ShipmentWriter,
    parcels: Sequence[Row],
    references: Sequence[Row],
    volumes: int,
) -> None:
    """Add parcels without a number, or remove the last ones if none has data.

    *parcels* and *references* are those that are registered. Raises `InvalidLabel`
    that names the first parcel that cannot be removed.
    """
    values = {"shipment": writing.shipment, "volumes": volumes}
    known = {p["volume"]: p["tracking_number"] for p in parcels}
    removed = [v for v in sorted(known) if v > volumes]
    if removed:
        await _refuse_used(writing, known, references, volumes)
        await writing.tx.run("delete_parcels_above", **values)
        await writing.tx.run("delete_polls_above", **values)
    added = [v for v in range(1, volumes + 1) if v not in known]
    await writing.put([LabelParcel(volume=v) for v in added], None)
    await writing.tx.run("correct_volumes", **values)


async def _refuse_used(
    writing: ShipmentWriter,
    known: dict[int, str | None],
    references: Sequence[Row],
    volumes: int,
) -> None:
    """Refuse to remove a parcel that has a number, references or events."""
    matched = await writing.tx.rows(
        "volumes_with_events", shipment=writing.shipment, volumes=volumes
    )
    used = {r["volume"]: "events" for r in matched}
    used |= {r["volume"]: "references" for r in references if r["volume"] > volumes}
    used |= {
        v: f"tracking number {number}"
        for v, number in known.items()
        if number is not None and v > volumes
    }
    if used:
        first = min(used)
        raise InvalidLabel(
            f"cannot be lowered to {volumes}: volume {first} has {used[first]}",
            field="volumes",
            hint="if that parcel does not exist, cancel the shipment and register it "
            "again with the right number of volumes",
            code=ProblemCode.CONTRADICTION,
        )
