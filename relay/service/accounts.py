"""Accounts and contracts: what stops publishing or polling, and erasure of an order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from relay.clock import micros, moment
from relay.config.contract import ContractSettings
from relay.errors import NotFound
from relay.service.access import Caller, ListScope
from relay.service.account_models import (
    AccountEntry,
    AccountList,
    ContractEntry,
    ContractList,
    ErasureAnswer,
    Gate,
    PollingEntry,
    RejectionEntry,
)
from relay.service.context import AuditEntry, ServiceContext
from relay.service.damage import RowGuard
from relay.service.views import account_zone
from relay.store.accounts import OUTAGE, PAUSE, SHADOW, Accounts, AccountState
from relay.store.codec import at
from relay.store.due_polls import Allowance, PollState
from relay.store.erasure import Erasure
from relay.store.handshakes import Handshakes
from relay.store.polls import PollClaims
from relay.store.rejected import RejectedRequests, Rejections
from relay.store.sqlite import SqliteDatabase
from relay.store.work_counts import AccountCounts, account_counts


@dataclass(frozen=True, slots=True)
class AccountService:
    """Operations on accounts, contracts and the personal data of an order."""

    context: ServiceContext

    async def accounts(self, caller: Caller) -> AccountList:
        """Return the accounts with their closed gates.

        Accounts removed from the settings are listed for unlimited callers as long
        as the database knows them.
        """
        context, now = self.context, self.context.now()
        states = {s.account: s for s in await Accounts(context.database).all()}
        names = {a for a in context.settings.accounts if caller.sees(a)}
        names |= set(states) if caller.accounts is None else set()
        counted = await account_counts(context.database, now)
        return AccountList(
            accounts=tuple(
                self._account(states.get(n) or AccountState(n), counted, now)
                for n in sorted(names)
            )
        )

    async def open(self, caller: Caller, name: str) -> AccountEntry:
        """Open every gate of an account and try again at once; raise `NotFound`."""
        found = {a.name for a in (await self.accounts(caller)).accounts}
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise NotFound(
                f"{name!r} is not configured",
                field="account",
                hint=f"configured: {known}",
            )
        await Accounts(self.context.database).open(name)
        self.context.wake.publisher()
        opened = AuditEntry.of(caller, "gates opened", {"account": name})
        await self.context.record(opened)
        accounts = (await self.accounts(caller)).accounts
        return next(a for a in accounts if a.name == name)

    async def contracts(self, caller: Caller) -> ContractList:
        """Return the contracts that serve an account that exists for the caller."""
        database, now = self.context.database, self.context.now()
        states = await PollClaims(database).states()
        handshakes = await Handshakes(database).all()
        rejections = await RejectedRequests(database).totals()
        entries = [
            self._contract(
                c,
                tuple(filter(caller.sees, c.accounts)),
                _StoredState(
                    handshakes.get(c.name), states.get(c.name), rejections.get(c.name)
                ),
                now,
            )
            for c in self.context.settings.contracts.values()
            if any(map(caller.sees, c.accounts))
        ]
        return ContractList(contracts=tuple(entries))

    async def erase(self, caller: Caller, account: str, order: str) -> ErasureAnswer:
        """Erase the personal data of an order for good; counts and times stay.

        Raises `InvalidLabel` for an unknown account, `NotFound` for an unknown order.
        """
        database, now = self.context.database, self.context.now()
        scope = ListScope(self.context.settings, caller.accounts, account)
        await scope.check(database)
        done = await Erasure(database).erase(account, order, caller.name, now)
        if not (done.shipments or done.invoices):
            raise NotFound(
                f"account {account} has no order {order}",
                hint="list shipments to see the orders that are registered",
            )
        # SQLite's write-ahead log still holds the redacted pages until it is
        # truncated: https://www.sqlite.org/wal.html
        emptied = not isinstance(database, SqliteDatabase) or (
            await database.checkpoint(truncate=True)
        )
        about = {"account": account, "order": order}
        await self.context.record(AuditEntry.of(caller, "erased", about))
        return ErasureAnswer(
            shipments=done.shipments,
            documents=done.documents,
            events=done.events,
            published=done.published,
            calls=done.calls,
            invoices=done.invoices,
            emptied=emptied,
        )

    def _account(
        self, state: AccountState, counted: AccountCounts, now: datetime
    ) -> AccountEntry:
        """Return an account; of a damaged row the counts and the untimed gates."""
        name = state.account
        known = {
            "name": name,
            "zone": account_zone(name, self.context.settings).key,
            "due": counted.due.get(name, 0),
            "waiting": counted.waiting.get(name, 0),
            "stuck": counted.stuck.get(name, 0),
            "list_mode": state.list_mode,
            "list_mode_evidence": state.list_mode_evidence,
        }
        untimed = {
            "gates": tuple(gates_of(_without_times(state), micros(now))),
            "last_accepted_at": state.accepted_at,
            "list_mode_at": state.list_mode_at,
            "shadow_since": state.shadow_since,
        }
        guard = RowGuard(self.context.damage, "account", "name")
        return guard.shown(
            lambda: AccountEntry(
                **known,
                gates=tuple(gates_of(state, micros(now))),
                last_accepted_at=at(state.accepted_at),
                list_mode_at=at(state.list_mode_at),
                shadow_since=at(state.shadow_since),
            ),
            AccountEntry,
            known | untimed,
        )

    def _contract(
        self,
        contract: ContractSettings,
        served: tuple[str, ...],
        stored: "_StoredState",
        now: datetime,
    ) -> ContractEntry:
        """Return a contract; with a damaged row what is configured."""
        known = _configured(contract, served)
        guard = RowGuard(self.context.damage, "contract", "name")
        return guard.shown(
            lambda: ContractEntry(
                **known,
                last_handshake_at=at(stored.handshake),
                polling=_polling(contract, stored.polls, now),
                rejections=stored.rejected and _rejections(stored.rejected),
            ),
            ContractEntry,
            known,
        )


def _without_times(state: AccountState) -> AccountState:
    """Return *state* without the times at which its gates are tried again."""
    return replace(
        state, write_retry_at=None, read_retry_at=None, busy_until=None, probe_at=None
    )


def gates_of(state: AccountState, now: int) -> Iterator[Gate]:
    """Yield what is not done for an account at *now*, in microseconds, and why."""
    if state.shadow_since is not None:
        yield Gate(what="writing", reason=SHADOW)
    if state.paused_reason:
        yield Gate(what="everything, until opened", reason=state.paused_reason)
    if state.write_closed:
        until = at(state.write_retry_at)
        yield Gate(what="writing", reason=state.write_closed, until=until)
    if state.read_closed:
        until = at(state.read_retry_at)
        yield Gate(what="reading orders", reason=state.read_closed, until=until)
    if (state.busy_until or 0) > now:
        until = at(state.busy_until)
        yield Gate(what="everything", reason=PAUSE, until=until)
    if state.outage_since is not None:
        yield Gate(what="all but one call", reason=OUTAGE, until=at(state.probe_at))


@dataclass(frozen=True, slots=True)
class _StoredState:
    """What is stored about a contract; times are microseconds."""

    handshake: int | None
    polls: PollState | None
    rejected: Rejections | None


def _configured(contract: ContractSettings, served: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a contract that come from the settings."""
    has_webhook = contract.takes_webhooks
    secret = "/{secret}" if contract.verification == "url" else ""
    return {
        "name": contract.name,
        "adapter": contract.adapter,
        "account": contract.account if contract.account in served else served[0],
        "accounts": served,
        "verification": contract.verification,
        "tracking_number": contract.tracking_number,
        "courier": contract.courier,
        "courier_names": contract.courier_names,
        "tax_ids": contract.tax_ids,
        "webhook": f"/webhooks/{contract.name}{secret}" if has_webhook else None,
    }


def _rejections(found: Rejections) -> RejectionEntry:
    return RejectionEntry(
        rejected=found.rejected,
        waiting=found.waiting,
        dropped=found.dropped,
        first_at=moment(found.first_at),
        last_at=moment(found.last_at),
    )


def _polling(
    contract: ContractSettings, state: PollState | None, now: datetime
) -> PollingEntry | None:
    if state is None or not contract.poll:
        return None
    today = Allowance(zone=contract.zone).day(now)
    paused = state.open_until > micros(now)
    return PollingEntry(
        calls_today=state.used_on(today),
        daily_quota=contract.poll_daily_quota,
        failures=state.failures,
        paused_until=at(state.open_until) if paused else None,
        last_failure=state.reason,
    )
