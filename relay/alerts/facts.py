"""Collects what alerts are judged by, from the database and its disk."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.config.account import AccountSettings
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.domain.alert_facts import AccountFacts, AlertFacts, AlertTerms, ContractFacts
from relay.domain.rhythm import Rhythm, hour_end, hour_of
from relay.store.accounts import Accounts, AccountState
from relay.store.activity import Activity
from relay.store.alert_facts import AlertFactStore, OpenShipments, StuckNow
from relay.store.codec import readable_at
from relay.store.database import Database
from relay.store.discovery import Discovery, DiscoveryState
from relay.store.due_polls import Allowance, PollState
from relay.store.polls import PollClaims
from relay.store.read_permits import used
from relay.store.rejected import RejectedRequests
from relay.store.sqlite import SqliteDatabase

MIB: Final = 1024 * 1024
RECENTLY: Final = timedelta(hours=1)
"""What became stuck within this time is new."""
A_DAY: Final = timedelta(days=1)
SLOW: Final = timedelta(minutes=10)
"""How often open shipments are counted: all of them are read for it."""


@dataclass(slots=True)
class FactCollector:
    """Collects facts; remembers between rounds what is expensive to count."""

    database: Database
    _counted_at: datetime | None = None
    _open: dict[str, OpenShipments] = field(default_factory=dict)

    async def collect(
        self, settings: Settings, watched_since: datetime, now: datetime
    ) -> AlertFacts:
        """Return all facts of *now*; the relay runs since *watched_since*."""
        return AlertFacts(
            contracts=await self._contracts(settings, watched_since, now),
            accounts=await self._accounts(settings, now),
            processes=await AlertFactStore(self.database).reports(now),
            free_mb=self._free_mb(),
        )

    async def _contracts(
        self, settings: Settings, watched_since: datetime, now: datetime
    ) -> list[ContractFacts]:
        contracts = settings.contracts
        opened = await self._open_shipments(settings, now)
        received = await Activity(self.database).last_webhooks(contracts)
        rhythms = await self._rhythms(received, now)
        rejected = await self._rejected(contracts, now)
        polls = await PollClaims(self.database).states()
        return [
            replace(
                _contract(contract, polls.get(name), now),
                rejected=rejected.get(name, 0),
                open=opened.get(name, OpenShipments()).open,
                stopped=opened.get(name, OpenShipments()).stopped,
                rhythm=rhythms.get(name),
                received_at=received.get(name) or _last_hour(rhythms.get(name)),
                watched_since=watched_since,
            )
            for name, contract in contracts.items()
        ]

    async def _open_shipments(
        self, settings: Settings, now: datetime
    ) -> dict[str, OpenShipments]:
        if self._counted_at is None or now - self._counted_at >= SLOW:
            since = now - settings.alerts.parcels_days
            self._open = await AlertFactStore(self.database).open_shipments(since)
            self._counted_at = now
        return self._open

    async def _rhythms(
        self, received: Mapping[str, datetime], now: datetime
    ) -> dict[str, Rhythm]:
        """Return the rhythms, with the hours of the latest webhooks."""
        store = AlertFactStore(self.database)
        rhythms = await store.rhythms()
        changed = {}
        for name, when in received.items():
            hour = hour_of(when)
            old = rhythms.get(name) or Rhythm(hour_of(now), frozenset())
            if hour not in old.active:
                changed[name] = old.with_hour(hour)
        await store.save_rhythms(changed)
        return rhythms | changed

    async def _rejected(
        self, contracts: Iterable[str], now: datetime
    ) -> dict[str, int]:
        """Count the webhooks rejected within a day, since the last good one.

        Most contracts have none, and need not look for their last document.
        """
        totals = await RejectedRequests(self.database).totals()
        some = [name for name in contracts if name in totals and totals[name].waiting]
        found = await Activity(self.database).of_contracts(some, now - A_DAY)
        return {name: seen.rejected for name, seen in found.items()}

    async def _accounts(self, settings: Settings, now: datetime) -> list[AccountFacts]:
        store = AlertFactStore(self.database)
        states = {s.account: s for s in await Accounts(self.database).all()}
        stuck = await store.stuck(now - RECENTLY)
        repaired = await store.repaired(now - A_DAY)
        discovery = await Discovery(self.database).states()
        return [
            replace(
                _account(account, states.get(name) or AccountState(name), now),
                stuck=stuck.get(name, StuckNow()).stuck,
                newly_stuck=stuck.get(name, StuckNow()).new,
                differences=repaired.get(name, 0),
                discovery_broken=_is_broken(account, discovery.get(name)),
            )
            for name, account in settings.accounts.items()
        ]

    def _free_mb(self) -> int | None:
        if not isinstance(self.database, SqliteDatabase):
            return None
        folder = self.database.path.absolute().parent
        return shutil.disk_usage(folder).free // MIB


def _contract(
    contract: ContractSettings, polls: PollState | None, now: datetime
) -> ContractFacts:
    """Return what one contract's own rows say."""
    state = polls if polls is not None and contract.poll else PollState(contract.name)
    return ContractFacts(
        name=contract.name,
        takes_webhooks=contract.takes_webhooks,
        silent_after=contract.alert_silent_hours,
        poll_failures=state.failures,
        answered_at=readable_at(state.answered_at),
        used=state.used_on(Allowance(zone=contract.zone).day(now)),
        quota=contract.poll_daily_quota,
    )


def _account(
    account: AccountSettings, state: AccountState, now: datetime
) -> AccountFacts:
    """Return what an account's row says."""
    return AccountFacts(
        name=account.name,
        gates=frozenset(state.closed_gates(micros(now))),
        read_backs=used(state, now),
        read_back_quota=account.read_backs_per_day,
    )


def _is_broken(account: AccountSettings, state: DiscoveryState | None) -> bool:
    return account.discovery != "off" and state is not None and state.broken


def _last_hour(rhythm: Rhythm | None) -> datetime | None:
    """Return when a carrier called last, to the hour: its document may be deleted."""
    return hour_end(max(rhythm.active)) if rhythm and rhythm.active else None


def alert_terms(settings: Settings) -> AlertTerms:
    """Return the thresholds of the rules."""
    of = settings.alerts
    return AlertTerms(
        gate=of.gate_minutes,
        loop=of.loop_minutes,
        poll_failures=of.poll_failures,
        parcels=of.parcels,
        parcels_days=of.parcels_days.days,
        stuck=of.stuck,
        rejected=of.rejected,
        quota_percent=of.quota_percent,
        disk_free_mb=of.disk_free_mb,
        differences=of.differences,
    )
