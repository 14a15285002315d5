"""Measurements for the metrics: gates, ages, and the space that data takes."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.clock import micros
from relay.service.context import ServiceContext
from relay.store.accounts import GATES, Accounts, AccountState
from relay.store.activity import Activity
from relay.store.codec import readable_at
from relay.store.discovery import Discovery
from relay.store.outgoing_claims import OutgoingClaims
from relay.store.sqlite import SqliteDatabase


@dataclass(frozen=True, slots=True)
class AccountMeasurement:
    """One account: each gate and whether it is closed, ages and counts."""

    gates: Mapping[str, bool]
    last_accepted_at: datetime | None
    oldest_due: timedelta
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class DiscoveryMeasurement:
    """Discovery of one account: orders to read, the age of the oldest, problems."""

    waiting: int
    age: timedelta
    broken: bool


@dataclass(frozen=True, slots=True)
class ReceiverMeasurement:
    """A receiver: events that wait, the age of the oldest, and whether it fails."""

    waiting: int
    age: timedelta
    broken: bool


@dataclass(frozen=True, slots=True)
class Measurements:
    """What the database and its disk say at one moment.

    `free_bytes` is by folder, and empty for PostgreSQL, whose disk is elsewhere.
    """

    accounts: Mapping[str, AccountMeasurement]
    last_webhooks: Mapping[str, datetime]
    database_bytes: int
    free_bytes: Mapping[str, int] = field(default_factory=dict)
    discovery: Mapping[str, DiscoveryMeasurement] = field(default_factory=dict)
    receivers: Mapping[str, ReceiverMeasurement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeasurementService:
    """Measures what metrics show, for the configured accounts and contracts."""

    context: ServiceContext

    async def measure(self) -> Measurements:
        """Measure now; nothing is changed."""
        database = self.context.database
        contracts = self.context.settings.contracts
        return Measurements(
            accounts=await self._accounts(self.context.now()),
            last_webhooks=await Activity(database).last_webhooks(contracts),
            database_bytes=await database.size(),
            free_bytes=self._free_bytes(),
            discovery=await self._discovery(self.context.now()),
            receivers=await self._receivers(self.context.now()),
        )

    async def _accounts(self, now: datetime) -> dict[str, AccountMeasurement]:
        database, activity = self.context.database, Activity(self.context.database)
        states = {s.account: s for s in await Accounts(database).all()}
        due, unconfirmed = await activity.oldest_due(now), await activity.unconfirmed()
        found = {}
        for name in self.context.settings.accounts:
            state = states.get(name) or AccountState(name)
            closed = state.closed_gates(micros(now))
            found[name] = AccountMeasurement(
                gates={gate: gate in closed for gate in GATES},
                last_accepted_at=readable_at(state.accepted_at),
                oldest_due=now - (due.get(name) or now),
                unconfirmed=unconfirmed.get(name, 0),
            )
        return found

    async def _discovery(self, now: datetime) -> dict[str, DiscoveryMeasurement]:
        """Measure the accounts that use discovery."""
        store = Discovery(self.context.database)
        states, waiting = await store.states(), await store.waiting(now)
        found = {}
        for name, account in self.context.settings.accounts.items():
            if account.discovery == "off":
                continue
            state, orders = states.get(name), waiting.get(name)
            found[name] = DiscoveryMeasurement(
                orders.waiting if orders else 0,
                now - orders.oldest_at if orders else timedelta(0),
                state is not None and state.broken,
            )
        return found

    async def _receivers(self, now: datetime) -> dict[str, ReceiverMeasurement]:
        """Measure the receivers of outgoing events."""
        receivers = self.context.settings.outgoing
        if not receivers:
            return {}
        claims = OutgoingClaims(self.context.database)
        states, backlogs = await claims.states(), await claims.backlogs(receivers)
        return {
            name: ReceiverMeasurement(
                backlog.waiting,
                now - (backlog.oldest_at or now),
                name in states and states[name].broken,
            )
            for name, backlog in backlogs.items()
        }

    def _free_bytes(self) -> dict[str, int]:
        database = self.context.database
        if not isinstance(database, SqliteDatabase):
            return {}
        folder = database.path.absolute().parent
        return {str(folder): shutil.disk_usage(folder).free}
