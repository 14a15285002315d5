"""Why events count for nobody: what a person reads beside each of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from relay.clock import moment
from relay.matching import LOWER_BOUND, Known, why_unmatched
from relay.store.database import Transaction
from relay.store.references import kinds_of, registrations_of
from relay.store.spelling import ids, loads
from relay.tracking import ReferenceKind

NO_LABEL = "no label bears any of its references"


async def explain(
    tx: Transaction,
    found: Sequence[dict[str, Any]],
    lower_bounds: Mapping[str, timedelta],
    accounts: Collection[str],
) -> None:
    """Spell out the references of unmatched events, and say why nobody has them.

    *accounts* are those whose labels may be spoken of.
    """
    refs = {row["event"]: tuple(loads(row["refs"])) for row in found}
    wanted = {reference for them in refs.values() for reference in them}
    kinds = await kinds_of(tx, wanted)
    registered = await registrations_of(tx, wanted)
    elsewhere = await _elsewhere(tx, wanted, accounts)
    for row in found:
        mine = refs[row["event"]]
        known = [Known(r, *kinds[r], registered.get(r, ())) for r in mine]
        row["references"] = [(str(k.kind), k.value) for k in known]
        bound = lower_bounds.get(row["contract"], LOWER_BOUND)
        row["because"] = (
            why_unmatched(moment(row["occurred_at"]), known, bound)
            or _other_contract(elsewhere, mine, kinds)
            or NO_LABEL
        )


async def _elsewhere(
    tx: Transaction, wanted: Collection[int], accounts: Collection[str]
) -> dict[int, list[str]]:
    """Return the other contracts under which the same values are registered."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in await tx.rows("registered_elsewhere", rows=ids("reference", wanted)):
        if row["account"] in accounts:
            found[row["reference"]].append(row["contract"])
    return found


def _other_contract(
    elsewhere: Mapping[int, Sequence[str]],
    references: Sequence[int],
    kinds: Mapping[int, tuple[ReferenceKind, str]],
) -> str | None:
    for reference in references:
        if reference in elsewhere:
            contracts = ", ".join(dict.fromkeys(elsewhere[reference]))
            return (
                f"{kinds[reference][1]} is registered under contract {contracts}: "
                "hand the parcel over, or correct its contract"
            )
    return None
