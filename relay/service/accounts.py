"""Accounts and contracts: what stops publishing or polling, and erasure of an order."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from relay.clock import micros
from relay.config.contract import ContractSettings
from relay.errors import NotFound
from relay.service.access import Caller, ListScope
from relay.service.context import AuditEntry, ServiceContext
from relay.service.models import ResponseModel
from relay.service.views import account_zone
from relay.store.accounts import OUTAGE, PAUSE, Accounts, AccountState
from relay.store.codec import at
from relay.store.due_polls import Allowance, PollState
from relay.store.erasure import Erasure
from relay.store.handshakes import Handshakes
from relay.store.polls import PollClaims
from relay.store.rejected import RejectedRequests, Rejections
from relay.store.sqlite import SqliteDatabase
from relay.store.worklists import WorkCounts, counts


class Gate(ResponseModel):
    """What is not done for an account, why, and when it is tried again."""

    what: str
    reason: str
    until: datetime | None = None


class AccountEntry(ResponseModel):
    """One VTEX account; `gates` are closed, and none means that all is well.

    `due`, `waiting` and `stuck` count shipments. `lastAcceptedAt` is when VTEX
    last accepted a write. `listMode` is what an update does to VTEX's list of events,
    as learned from an order, and `listModeEvidence` what that order showed.
    """

    name: str
    zone: str
    due: int
    waiting: int
    stuck: int
    gates: tuple[Gate, ...]
    last_accepted_at: datetime | None
    list_mode: str | None = None
    list_mode_evidence: str | None = None
    list_mode_at: datetime | None = None


class AccountList(ResponseModel):
    """The accounts that exist for the caller."""

    accounts: tuple[AccountEntry, ...]


class PollingEntry(ResponseModel):
    """How a carrier is polled: calls of the contract's day, and the circuit breaker.

    `failures` are consecutive; nothing is polled before `pausedUntil`.
    """

    calls_today: int
    daily_quota: int | None
    failures: int
    paused_until: datetime | None
    last_failure: str | None


class RejectionEntry(ResponseModel):
    """The webhooks of a contract that failed verification in the last days.

    `waiting` are stored and can be accepted; `dropped` are not, for lack of room.
    """

    rejected: int
    waiting: int
    dropped: int
    first_at: datetime
    last_at: datetime


class ContractEntry(ResponseModel):
    """One configured use of an adapter, without its secrets.

    `webhook` is None for polling-only carriers, `polling` for those never polled,
    `rejections` if no webhook was rejected. `lastHandshakeAt` is when the carrier last
    tested the webhook's address.
    """

    name: str
    adapter: str
    account: str
    accounts: tuple[str, ...]
    verification: str
    tracking_number: str
    courier: str | None
    courier_names: tuple[str, ...]
    tax_ids: tuple[str, ...]
    webhook: str | None
    last_handshake_at: datetime | None
    polling: PollingEntry | None
    rejections: RejectionEntry | None


class ContractList(ResponseModel):
    """The contracts that exist for the caller."""

    contracts: tuple[ContractEntry, ...]


class ErasureAnswer(ResponseModel):
    """How much of an order was redacted.

    Until `emptied`, the database's log still holds it.
    """

    shipments: int
    documents: int
    events: int
    published: int
    calls: int
    emptied: bool


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
        counted = await counts(context.database, {}, now)
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
        self.context.audit(AuditEntry("gates opened", caller.name, {"account": name}))
        accounts = (await self.accounts(caller)).accounts
        return next(a for a in accounts if a.name == name)

    async def contracts(self, caller: Caller) -> ContractList:
        """Return the contracts that serve an account that exists for the caller."""
        database, now = self.context.database, self.context.now()
        states = await PollClaims(database).states()
        handshakes = await Handshakes(database).all()
        rejections = await RejectedRequests(database).totals()
        entries = [
            _contract(
                c,
                tuple(filter(caller.sees, c.accounts)),
                handshakes.get(c.name),
                _polling(c, states.get(c.name), now),
                rejections.get(c.name),
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
        if not done.shipments:
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
        self.context.audit(AuditEntry("erased", caller.name, about))
        return ErasureAnswer(
            shipments=done.shipments,
            documents=done.documents,
            events=done.events,
            published=done.published,
            calls=done.calls,
            emptied=emptied,
        )

    def _account(
        self, state: AccountState, counted: WorkCounts, now: datetime
    ) -> AccountEntry:
        name = state.account
        return AccountEntry(
            name=name,
            zone=account_zone(name, self.context.settings).key,
            due=counted.due.get(name, 0),
            waiting=counted.waiting.get(name, 0),
            stuck=counted.stuck.get(name, 0),
            gates=tuple(gates_of(state, micros(now))),
            last_accepted_at=at(state.accepted_at),
            list_mode=state.list_mode,
            list_mode_evidence=state.list_mode_evidence,
            list_mode_at=at(state.list_mode_at),
        )


def gates_of(state: AccountState, now: int) -> Iterator[Gate]:
    """Yield what is not done for an account at *now*, in microseconds, and why."""
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


def _contract(
    contract: ContractSettings,
    served: tuple[str, ...],
    last_handshake_at: datetime | None,
    polling: PollingEntry | None,
    rejected: Rejections | None,
) -> ContractEntry:
    has_webhook = contract.verification != "polling_only"
    secret = "/{secret}" if contract.verification == "url" else ""
    return ContractEntry(
        name=contract.name,
        adapter=contract.adapter,
        account=contract.account if contract.account in served else served[0],
        accounts=served,
        verification=contract.verification,
        tracking_number=contract.tracking_number,
        courier=contract.courier,
        courier_names=contract.courier_names,
        tax_ids=contract.tax_ids,
        webhook=f"/webhooks/{contract.name}{secret}" if has_webhook else None,
        last_handshake_at=last_handshake_at,
        polling=polling,
        rejections=rejected and RejectionEntry.model_validate(asdict(rejected)),
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
