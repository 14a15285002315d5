"""Permits to read orders beside publishing: the account's rate and its quota."""

from datetime import datetime
from enum import Enum
from typing import Final

from relay.clock import micros
from relay.store.accounts import AccountState, CallLimits, locked
from relay.store.database import Database, Transaction

_DAY: Final = 86_400_000_000


class ReadPermit(Enum):
    """Whether an order may be read now."""

    GRANTED = "granted"
    LATER = "later"  # the account's rate is used up at this moment
    THROTTLED = "throttled"  # VTEX asked for a pause
    CLOSED = "closed"  # the account is paused, or VTEX refuses reads
    USED_UP = "used_up"  # the quota of this day


async def take_read(
    database: Database, account: str, now: datetime, limits: CallLimits, per_day: int
) -> ReadPermit:
    """Take one read of *account* from its shared rate and from its quota of the day.

    *per_day* is the quota, which reading back uses as well.
    """

    async def taken(tx: Transaction) -> ReadPermit:
        await tx.run("add_account", account=account)
        state = await locked(tx, account)
        if state is None or (state.busy_until or 0) > micros(now):
            return ReadPermit.THROTTLED
        if not state.may_read(micros(now)):
            return ReadPermit.CLOSED
        if used(state, now) >= per_day:
            return ReadPermit.USED_UP
        if not state.take(1, micros(now), limits.per_second, limits.burst):
            return ReadPermit.LATER
        use(state, now)
        await tx.run("save_account", **state.columns())
        return ReadPermit.GRANTED

    return await database.write_in_one_go(taken)


def use(state: AccountState, now: datetime) -> None:
    """Use up one of the reads of the account's quota of the day."""
    state.read_backs = used(state, now) + 1
    state.read_backs_day = day(now)


def used(state: AccountState, now: datetime) -> int:
    """Return how many reads of the account's quota were used today, in UTC."""
    return state.read_backs if state.read_backs_day == day(now) else 0


def day(now: datetime) -> int:
    """Return the number of the UTC day of *now*."""
    return micros(now) // _DAY
