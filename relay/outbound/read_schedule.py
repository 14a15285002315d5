"""When an order is read back after a write: a 2xx does not prove that VTEX shows it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from relay.domain.shipment import Snapshot
from relay.outbound.gates import Amend
from relay.outbound.settlement import OutcomeContext
from relay.store.accounts import AccountState
from relay.store.codec import stored
from relay.store.read_permits import use, used
from relay.store.snapshots import Change, Claim, with_snapshot

MOST_BY_QUOTA: Final = 3
"""How often a shipment is read back at most beside its delivery, on its way."""
_SECOND: Final = 2


@dataclass(frozen=True, slots=True)
class NextReadBack:
    """When to read back, None for not at all, and whether it uses up the quota."""

    at: datetime | None
    by_quota: bool = False


def after_update(
    snapshot: Snapshot, context: OutcomeContext, *, is_delivered: bool
) -> NextReadBack:
    """Return when to read back after an accepted update; *snapshot* includes it.

    At once after a delivery, after a repair, and after the second update of an account
    of which is unknown what an update does to VTEX's list.
    """
    known, now, state = snapshot.read_back, context.now, context.state
    policy = context.terms.read_back
    if policy == "off":
        return NextReadBack(None)
    teaches = known.updates >= _SECOND and state.list_mode is None
    # A repair is read back at once; what comes after it costs no more than usual.
    repairs = known.repaired and known.at is not None and known.at <= now
    if is_delivered or teaches or repairs:
        return NextReadBack(now)
    if known.at is not None:  # one that was counted already comes later
        return NextReadBack(now + context.waits.read_back_seconds)
    left = context.terms.read_backs_per_day - used(state, now)
    if policy == "deliveries" or known.by_quota >= MOST_BY_QUOTA or left <= 0:
        return NextReadBack(None)
    return NextReadBack(now + context.waits.read_back_seconds, by_quota=True)


def count_update(
    claim: Claim,
    context: OutcomeContext,
    delivered_as: str | None,
    *,
    is_delivered: bool,
) -> tuple[Claim, Change, Amend | None]:
    """Count an accepted update, and schedule that it is read back.

    *delivered_as* is its `deliveredDate`. Returns the change of the account's quota.
    """
    known = claim.snapshot.read_back
    updated = replace(known, updates=known.updates + 1, verified=False)
    counted = with_snapshot(claim, read_back=updated)
    following = after_update(counted.snapshot, context, is_delivered=is_delivered)
    row = {
        "shipment": claim.snapshot.shipment,
        "delivered_as": delivered_as,
        "read_back_at": stored(following.at),
        "by_quota": int(following.by_quota),
    }
    scheduled = replace(
        updated,
        at=following.at,
        by_quota=updated.by_quota + int(following.by_quota),
        delivered_as=delivered_as or updated.delivered_as,
        difference_at=None,
    )
    amend = _use(context.now) if following.by_quota else None
    change = ("count_update", row)
    return with_snapshot(counted, read_back=scheduled), change, amend


def _use(now: datetime) -> Amend:
    """Use up one of the read-backs of the account's quota of the day."""

    def amend(state: AccountState) -> None:
        use(state, now)

    return amend
