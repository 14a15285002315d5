"""Accounts: whether VTEX may be called, and how fast."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.database import Database, Row, Transaction

CALL = 1_000_000
"""One call in the token bucket, in millionths: rates below one per second count."""
PAUSE: Final = "VTEX asked for a pause"
"""The reason of a gate that opens soon, without anyone's help."""
SHADOW: Final = "the account is in shadow mode; nothing is written to VTEX"
"""Why nothing is sent while the setting `shadow` is true."""
OUTAGE: Final = "VTEX does not answer; one call at a time tries"
GATES: Final = ("paused", "write_forbidden", "read_forbidden", "throttled", "outage")
"""Why VTEX is not called for an account, or not for all of its shipments."""
LASTING: Final = 60_000_000
"""Microseconds: an outage counts after so long, a pause until so long after its end."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How many calls an account may have per second, and at once."""

    per_second: float
    burst: int


@dataclass(slots=True)
class AccountState:
    """One account's row; times are microseconds, as stored."""

    account: str
    write_closed: str | None = None
    write_retry_at: int | None = None
    read_closed: str | None = None
    read_retry_at: int | None = None
    busy_until: int | None = None
    outage_since: int | None = None
    probe_at: int | None = None
    write_suspected_at: int | None = None
    refused_message: str | None = None
    refused_count: int = 0
    paused_reason: str | None = None
    accepted_at: int | None = None
    credentials: str | None = None
    permits: int = 0
    permits_at: int = 0
    claims: int = 0
    list_mode: str | None = None
    list_mode_evidence: str | None = None
    list_mode_at: int | None = None
    read_backs_day: int = 0
    read_backs: int = 0
    shadow_since: int | None = None

    @classmethod
    def of(cls, row: Row) -> "AccountState":
        """Return the state of a row of `accounts`."""
        return cls(**{name: row[name] for name in cls.__slots__})

    def columns(self) -> Mapping[str, Any]:
        """Return the parameters of `save_account`."""
        return asdict(self)

    def take(self, wanted: int, now: int, per_second: float, burst: int) -> int:
        """Take up to *wanted* calls from the token bucket; return how many."""
        refill = int(max(now - self.permits_at, 0) * per_second)
        level = min(burst * CALL, self.permits + refill)
        taken = max(min(wanted, level // CALL), 0)
        self.permits, self.permits_at = level - taken * CALL, now
        return taken

    def give_back(self, unused: int) -> None:
        """Return unused calls to the token bucket."""
        self.permits += unused * CALL

    def open(self) -> None:
        """Reset every reason not to call VTEX; shadow mode is a setting, and stays."""
        self.write_closed = self.write_retry_at = None
        self.read_closed = self.read_retry_at = None
        self.busy_until = self.outage_since = self.probe_at = None
        self.write_suspected_at = None
        self.refused_message, self.refused_count = None, 0
        self.paused_reason = None

    def closed_reason(self, now: int) -> str | None:
        """Return why nothing may be sent at *now*; None if it may be."""
        if self.shadow_since is not None:
            return SHADOW
        if self.paused_reason:
            return self.paused_reason
        if self.write_closed and (self.write_retry_at or 0) > now:
            return self.write_closed
        if (self.busy_until or 0) > now:
            return PAUSE
        if self.outage_since is not None and (self.probe_at or 0) > now:
            return OUTAGE
        return None

    def may_read(self, now: int) -> bool:
        """Whether an order may be read at *now*, as far as gates are concerned."""
        closed = self.read_closed is not None and (self.read_retry_at or 0) > now
        return not (self.paused_reason or closed or (self.busy_until or 0) > now)

    def opens_at(self, now: int) -> int | None:
        """Return when a call is tried again; None if only a person changes it."""
        if self.paused_reason or self.shadow_since is not None:
            return None
        times = [self.write_retry_at if self.write_closed else None, self.busy_until]
        times += [self.probe_at if self.outage_since is not None else None]
        return max((t for t in times if t is not None and t > now), default=now)

    def closed_gates(self, now: int) -> dict[str, str]:
        """Return the reasons of the closed gates at *now*, by `GATES`.

        A gate stays closed while single calls probe it, until one is accepted. An
        outage counts after a minute: one lost answer is not worth an alert.
        """
        lasting = self.outage_since is not None and now - self.outage_since >= LASTING
        found = {
            "paused": self.paused_reason,
            "write_forbidden": self.write_closed,
            "read_forbidden": self.read_closed,
            "throttled": PAUSE if self._is_throttled(now) else None,
            "outage": OUTAGE if lasting else None,
        }
        return {gate: reason for gate, reason in found.items() if reason}

    def _is_throttled(self, now: int) -> bool:
        """Whether VTEX limits the calls: pauses that follow each other are one."""
        until = self.busy_until or 0
        unproven = (self.accepted_at or 0) < until
        return until > now or (unproven and until + LASTING > now)


class Accounts:
    """Reads and opens the accounts' gates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[AccountState]:
        """Return every account that ever had a shipment."""
        async with self._database.reading() as tx:
            return [AccountState.of(r) for r in await tx.rows("list_accounts")]

    async def open(self, account: str) -> bool:
        """Open every gate of an account; False if it is unknown."""
        async with self._database.writing() as tx:
            state = await locked(tx, account)
            if state is None:
                return False
            state.open()
            await tx.run("save_account", **state.columns())
            return True

    async def permit(
        self, account: str, now: datetime, limits: CallLimits, calls: int = 1
    ) -> bool:
        """Take calls from an account's shared rate, to read; False if none is left.

        All but the first are debts, for which the next calls wait.

        Nothing is read while VTEX asked for a pause, refuses reads, or while the
        account is paused.
        """

        async def taken(tx: Transaction) -> bool:
            await tx.run("add_account", account=account)
            state = await locked(tx, account)
            if state is None or not state.may_read(micros(now)):
                return False
            permitted = state.take(1, micros(now), limits.per_second, limits.burst)
            state.permits -= permitted * (calls - 1) * CALL
            await tx.run("save_account", **state.columns())
            return bool(permitted)

        return await self._database.write_in_one_go(taken)

    async def pause(self, account: str, until: datetime) -> None:
        """Call VTEX for an account no earlier than *until*: it asked for a pause."""
        async with self._database.writing() as tx:
            state = await locked(tx, account)
            if state is not None:
                state.busy_until = max(state.busy_until or 0, micros(until))
                await tx.run("save_account", **state.columns())

    async def credentials(self, account: str, digest: str, now: datetime) -> bool:
        """Open the gates if the credentials changed; return whether they did."""
        async with self._database.writing() as tx:
            await tx.run("add_account", account=account)
            state = await locked(tx, account)
            if state is None or state.credentials == digest:
                return False
            known = state.credentials is not None
            state.credentials = digest
            if known:
                state.open()
                state.permits_at = micros(now)
            await tx.run("save_account", **state.columns())
            return known


async def locked(tx: Transaction, account: str) -> AccountState | None:
    """Return an account's state, locked until the end of the transaction."""
    row = await tx.row("lock_account", account=account)
    return AccountState.of(row) if row is not None else None
