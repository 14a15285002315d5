"""Planning of claimed shipments, each in its own guard."""

from collections.abc import Callable, Sequence

from relay.domain.shipment import Snapshot
from relay.store.database import Row
from relay.store.snapshots import Change, Claim, claim_of

Begin = Callable[[Claim], Sequence[Change]]
"""Returns what to store with a claim, before anything is sent."""
Fail = Callable[[Row, Exception], Sequence[Change]]
"""Returns what ends the lease of a shipment that cannot be planned."""


def planned(
    shipments: Sequence[Row],
    loaded: Sequence[Snapshot | Exception],
    begin: Begin,
    fail: Fail,
    *,
    probe: bool,
) -> tuple[list[Claim], list[Change]]:
    """Return the claims of *shipments* that can be planned, and all changes."""
    claims: list[Claim] = []
    changes: list[Change] = []
    for row, snapshot in zip(shipments, loaded, strict=True):
        try:
            claim = claim_of(row, snapshot, probe=probe)
            changes += begin(claim)
            claims.append(claim)
        except Exception as error:  # noqa: BLE001 -- the other shipments go on
            changes += fail(row, error)
    return claims, changes
