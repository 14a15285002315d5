"""Planning of claimed shipments, each in its own guard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.domain.shipment import Snapshot
from relay.store.database import Row
from relay.store.snapshots import Change, Claim, claim_of

Begin = Callable[[Claim], Sequence[Change]]
"""Returns what to store with a claim, before anything is sent."""
Fail = Callable[[Row, Exception], Sequence[Change]]
"""Returns what ends the lease of a shipment that cannot be planned."""


@dataclass(slots=True)
class PlannedClaim:
    """A leased row with its changes; `claim` is None if it could not be planned."""

    row: Row
    changes: Sequence[Change]
    claim: Claim | None = None


def planned_claims(
    shipments: Sequence[Row],
    loaded: Sequence[Snapshot | Exception],
    begin: Begin,
    fail: Fail,
    *,
    probe: bool,
) -> list[PlannedClaim]:
    """Return *shipments*, each with what to store before anything is sent."""
    planned = []
    for row, snapshot in zip(shipments, loaded, strict=True):
        try:
            claim = claim_of(row, snapshot, probe=probe)
            planned.append(PlannedClaim(row, begin(claim), claim))
        except Exception as error:  # noqa: BLE001 -- the other shipments go on
            planned.append(PlannedClaim(row, fail(row, error)))
    return planned
