"""The status of the relay, of VTEX and of each carrier: what works, and since when."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from relay.clock import micros, moment
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.logs import counted
from relay.service.access import Caller
from relay.service.accounts import gates_of
from relay.service.alerts import channel_problems
from relay.service.code_tables import conflict_of
from relay.service.context import ServiceContext
from relay.service.damage import damage_text
from relay.service.discovery_status import discovery_problems
from relay.service.documents import slow_reader
from relay.service.outgoing_events import OutgoingService
from relay.service.receiver_status import receiver_line
from relay.service.status_models import (
    Part,
    StatusAnswer,
    StatusLine,
    StatusProblem,
    answer,
    informative,
    line,
    notable,
    wrong,
)
from relay.service.zone_data import stale_zones
from relay.store.accounts import PAUSE, SHADOW, Accounts, AccountState
from relay.store.activity import Activity, ContractActivity
from relay.store.code_mappings import CodeMappings
from relay.store.codec import at
from relay.store.discovery import Discovery
from relay.store.documents import Documents
from relay.store.due_polls import PollState
from relay.store.polls import PollClaims
from relay.store.rejected import UNSIGNED_HINT
from relay.store.work_counts import stuck_counts

OVERDUE: Final = timedelta(minutes=10)
"""A shipment that is due for longer, while VTEX may be called, is not being sent."""
REJECTED_FOR: Final = timedelta(hours=24)
"""A webhook that was rejected earlier is not a problem of now; it only waits."""
_CORRECT: Final = "correct the row in the database, or restore a backup"
NOTE_HINT: Final = "restart the relay to apply them, or restore the file"
_SEE_LOG: Final = "see the relay's log; it names the cause"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """The serving process: whether one runs, what is wrong, and when it last worked."""

    running: bool
    last_good: str
    last_good_at: datetime | None
    problems: tuple[StatusProblem, ...] = ()


def not_ready(reason: str) -> StatusProblem:
    """Return the problem for a reason not to be ready."""
    return wrong(reason, _SEE_LOG)


def noted(note: str) -> StatusProblem:
    """Return a process's note, which may end with its own hint, as a problem."""
    message, _, hint = note.partition("; ")
    return notable(message, hint or NOTE_HINT)


def process_line(state: ProcessState) -> StatusLine:
    """Return the line of the serving process."""
    last_good = (state.last_good, state.last_good_at)
    return line("relay", "relay", last_good, state.problems)


def zone_problems(settings: Settings) -> Iterator[StatusProblem]:
    """Yield a problem for each configured zone whose data is out of date."""
    used = {a.zone.key for a in settings.accounts.values()}
    used |= {c.zone.key for c in settings.contracts.values()}
    for name, release in stale_zones(used).items():
        message = f"time zone data of {name} is older than {release}: times are wrong"
        yield wrong(message, "update the system's tzdata, then restart the relay")


@dataclass(frozen=True, slots=True)
class StatusService:
    """Reads the status from the database; nothing is called and nothing is changed."""

    context: ServiceContext

    async def status(self, caller: Caller, process: ProcessState) -> StatusAnswer:
        """Return the status of *process*, and of the caller's accounts and carriers."""
        context, now = self.context, self.context.now()
        relay = await self._relay(process, now)
        accounts = await self._accounts(caller, now)
        contracts = [
            c
            for c in context.settings.contracts.values()
            if any(map(caller.sees, c.accounts))
        ]
        carriers = await self._carriers(contracts, now)
        receivers = await OutgoingService(context).receivers(caller)
        others = map(receiver_line, receivers.receivers)
        return answer((relay, *accounts, *carriers, *others), now)

    def shadow_warnings(self) -> list[str]:
        """Return a warning for each account to which nothing is written."""
        accounts = self.context.settings.accounts.values()
        return [f"account {one.name}: {SHADOW}" for one in accounts if one.shadow]

    async def _relay(self, process: ProcessState, now: datetime) -> StatusLine:
        """Return the relay's line, with what the database says about it."""
        slow = slow_reader(await Documents(self.context.database).backlog(), now)
        found = [*process.problems, *zone_problems(self.context.settings)]
        found += await channel_problems(self.context)
        if slow and not any(slow == problem.message for problem in found):
            found.append(not_ready(slow))
        last_good = (process.last_good, process.last_good_at)
        return line("relay", "relay", last_good, tuple(found))

    async def _accounts(self, caller: Caller, now: datetime) -> list[StatusLine]:
        database, settings = self.context.database, self.context.settings
        states = {s.account: s for s in await Accounts(database).all()}
        due = await Activity(database).oldest_due(now)
        stuck = await stuck_counts(database)
        discovery = Discovery(database)
        found, waiting = await discovery.states(), await discovery.waiting(now)

        def built(name: str) -> StatusLine:
            more = discovery_problems(
                settings.accounts[name], found.get(name), waiting.get(name), now
            )
            state = states.get(name) or AccountState(name)
            return _account(state, due.get(name), stuck, (now, tuple(more)))

        return [
            self._guarded("vtex", name, partial(built, name))
            for name in sorted(filter(caller.sees, settings.accounts))
        ]

    async def _carriers(
        self, contracts: list[ContractSettings], now: datetime
    ) -> list[StatusLine]:
        database = self.context.database
        seen = await Activity(database).of_contracts(
            [c.name for c in contracts], now - REJECTED_FOR
        )
        states = await PollClaims(database).states()
        conflicts = await self._conflicts()
        polls = {c.name: states.get(c.name) for c in contracts if c.poll}
        return [
            self._guarded(
                "carrier",
                c.name,
                partial(
                    _carrier,
                    c,
                    (seen[c.name], polls.get(c.name), conflicts.get(c.name, [])),
                    now,
                ),
            )
            for c in contracts
        ]

    async def _conflicts(self) -> dict[str, list[str]]:
        """Return how the settings contradict mapped codes, by contract."""
        found: dict[str, list[str]] = {}
        for row in await CodeMappings(self.context.database).rows():
            conflict = conflict_of(row, self.context.settings)
            if conflict is not None:
                found.setdefault(row["contract"], []).append(conflict)
        return found

    def _guarded(
        self, part: Part, name: str, build: Callable[[], StatusLine]
    ) -> StatusLine:
        """Return a line; if a row of it is damaged, one that says so."""
        try:
            return build()
        except Exception as error:  # noqa: BLE001 -- one odd row must not hide others
            kind = "account" if part == "vtex" else "contract"
            self.context.damage.note(kind, name, error)
            problem = wrong(damage_text(error), _CORRECT)
            return line(part, name, ("unknown", None), (problem,))


def _account(
    state: AccountState,
    due: datetime | None,
    stuck_by_account: tuple[Mapping[str, int], Mapping[str, int]],
    at_present: tuple[datetime, tuple[StatusProblem, ...]],
) -> StatusLine:
    """Return an account's line; *at_present* is the time, and further problems."""
    now, more = at_present
    found = [
        _gate(gate.what, gate.reason, gate.until, state.account)
        for gate in gates_of(state, micros(now))
    ]
    if not found and due is not None and now - due > OVERDUE:
        message = f"due since {due:%Y-%m-%d %H:%M} UTC, and nothing is sent"
        found.append(wrong(message, f"is the relay running? {_SEE_LOG}"))
    of_shipments, of_invoices = stuck_by_account
    stuck = of_shipments.get(state.account, 0)
    if stuck:
        message = f"{counted(stuck, 'shipment')} stuck"
        found.append(notable(message, "relay lists stuck"))
    stuck_invoices = of_invoices.get(state.account, 0)
    if stuck_invoices:
        message = f"{counted(stuck_invoices, 'invoice')} stuck"
        found.append(notable(message, "relay invoices list --state stuck"))
    accepted = at(state.accepted_at)
    text = "accepted a write" if accepted else "accepted nothing yet"
    return line("vtex", state.account, (text, accepted), (*found, *more))


def _gate(
    what: str, reason: str, until: datetime | None, account: str
) -> StatusProblem:
    again = f"; tried again at {until:%Y-%m-%d %H:%M} UTC" if until else ""
    message = f"not done: {what}, because {reason}{again}"
    if reason == SHADOW:
        return notable(reason, f"relay shadow {account} shows the differences")
    if reason == PAUSE:
        return notable(message, "nothing to do")
    hint = f"fix the cause; to try at once: relay accounts open {account}"
    return wrong(message, hint)


def _carrier(
    contract: ContractSettings,
    stored: tuple[ContractActivity, PollState | None, list[str]],
    now: datetime,
) -> StatusLine:
    seen, polls, conflicts = stored
    found = [*_webhook_problems(contract, seen), *_poll_problems(polls, now)]
    hint = f"decide: change the settings, or relay codes unmap {contract.name} CODE"
    found += [notable(conflict, hint) for conflict in conflicts]
    answered = at(polls.answered_at) if polls else None
    times = [t for t in (at(seen.received_at), answered) if t]
    text = "sent or answered" if times else "sent nothing yet"
    last_good = (text, max(times, default=None))
    return line("carrier", contract.name, last_good, tuple(found), seen.waiting)


def _webhook_problems(
    contract: ContractSettings, seen: ContractActivity
) -> Iterator[StatusProblem]:
    rejected_list = f"relay lists rejected --contract {contract.name}"
    if seen.rejected and seen.rejected_at and seen.rejected_since:
        since, at_ = moment(seen.rejected_since), moment(seen.rejected_at)
        times = f"since {since:%Y-%m-%d %H:%M}, the latest at {at_:%Y-%m-%d %H:%M} UTC"
        if bad := seen.rejected - seen.unsigned:
            message = f"{counted(bad, 'webhook')} with a wrong signature rejected"
            hint = f"correct its secret; see {rejected_list}"
            yield wrong(f"{message} {times}", hint)
        if seen.unsigned:
            message = (
                f"{counted(seen.unsigned, 'request')} without a signature rejected"
            )
            yield notable(f"{message} {times}", f"{UNSIGNED_HINT}; see {rejected_list}")
    if seen.waiting > seen.rejected and seen.waiting_at is not None:
        message = (
            f"{counted(seen.waiting, 'rejected request')} waiting, "
            f"the newest of {moment(seen.waiting_at):%Y-%m-%d %H:%M} UTC"
        )
        yield informative(message, rejected_list)
    if seen.unreadable_reason is not None:
        message = f"its latest document is unreadable: {seen.unreadable_reason}"
        yield notable(message, f"relay lists unreadable --contract {contract.name}")


def _poll_problems(polls: PollState | None, now: datetime) -> Iterator[StatusProblem]:
    if polls is None or not polls.failures:
        return
    message = f"{counted(polls.failures, 'poll')} failed in a row: {polls.reason}"
    hint = "check the contract's credentials and address; the relay tries again"
    paused = polls.open_until > micros(now)
    yield wrong(message, hint) if paused else notable(message, hint)
