"""`/v1/accounts`: the stores, and what is shut of each."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from relay.api.auth import Access
from relay.api.bodies import json_answer
from relay.api.keys import ACCOUNTS, CLOCK, DATABASE, ON_EVENTS
from relay.api.operations import Operation, mount
from relay.clock import micros
from relay.config.account import Scope
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.errors import NotFound
from relay.service.models import Problem, ResponseModel
from relay.store.accounts import AccountState
from relay.store.codec import at
from relay.store.due_polls import Allowance, PollState
from relay.store.polls import PollClaims

ACCOUNTS_ROOT: Final = "/v1/accounts"


class Gate(ResponseModel):
    """Something that is not done for an account, why, and when it is tried again."""

    what: str
    because: str
    until: datetime | None = None


class AccountEntry(ResponseModel):
    """One VTEX store; `gates` are shut, and none means that all is well.

    `lastAcceptedAt` is when VTEX took a write last.
    """

    name: str
    zone: str
    gates: tuple[Gate, ...]
    last_accepted_at: datetime | None


class AccountList(ResponseModel):
    """The accounts that exist for the sender."""

    accounts: tuple[AccountEntry, ...]


async def accounts(request: web.Request, access: Access) -> web.Response:
    """Return the accounts with what is shut of each."""
    states = {s.account: s for s in await request.app[ACCOUNTS].all()}
    now = micros(request.app[CLOCK]())
    lines = [
        _account(access, name, states.get(name) or AccountState(name), now)
        for name in sorted(access.visible())
    ]
    return json_answer(AccountList(accounts=tuple(lines)))


async def open_account(request: web.Request, access: Access) -> web.Response:
    """Forget every reason for which nothing is sent, and try at once."""
    name = request.match_info["name"]
    if name not in access.visible():
        raise NotFound("there is no such account")
    await request.app[ACCOUNTS].open(name)
    request.app[ON_EVENTS]()
    states = {s.account: s for s in await request.app[ACCOUNTS].all()}
    state = states.get(name) or AccountState(name)
    return json_answer(_account(access, name, state, micros(request.app[CLOCK]())))


def _account(access: Access, name: str, state: AccountState, now: int) -> AccountEntry:
    return AccountEntry(
        name=name,
        zone=access.settings.accounts[name].zone.key,
        gates=tuple(_gates(state, now)),
        last_accepted_at=at(state.accepted_at),
    )


def _gates(state: AccountState, now: int) -> list[Gate]:
    """Say in words what is shut."""
    gates: list[Gate] = []
    if state.paused_reason:
        gates.append(Gate(what="everything, until opened", because=state.paused_reason))
    if state.write_closed:
        until = at(state.write_retry_at)
        gates.append(Gate(what="writing", because=state.write_closed, until=until))
    if state.read_closed:
        until = at(state.read_retry_at)
        gates.append(
            Gate(what="reading orders", because=state.read_closed, until=until)
        )
    if (state.busy_until or 0) > now:
        until = at(state.busy_until)
        because = "VTEX asked for a pause"
        gates.append(Gate(what="everything", because=because, until=until))
    if state.outage_since is not None:
        because = "VTEX does not answer; one call at a time tries"
        until = at(state.probe_at)
        gates.append(Gate(what="all but one call", because=because, until=until))
    return gates


OPERATIONS: Final = (
    Operation(
        method="GET",
        path=ACCOUNTS_ROOT,
        handler=accounts,
        scope=Scope.OPERATOR,
        summary="List the accounts, and what is shut of each",
        answers={200: AccountList},
    ),
    Operation(
        method="POST",
        path=ACCOUNTS_ROOT + "/{name}/open",
        handler=open_account,
        scope=Scope.OPERATOR,
        summary="Open every gate of an account",
        answers={200: AccountEntry, 404: Problem},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the accounts."""
    mount(app, OPERATIONS)


class PollingEntry(ResponseModel):
    """How a carrier is asked: calls of the contract's day, and the breaker.

    `failures` are in a row; until `leftAloneUntil` nobody is asked, `because` of
    the last one.
    """

    calls_today: int
    daily_quota: int | None
    failures: int
    left_alone_until: datetime | None
    because: str | None


class ContractEntry(ResponseModel):
    """One configured use of an adapter, without its secrets.

    `webhook` is None where nobody calls, `asked` where the carrier is not asked.
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
    asked: PollingEntry | None


class ContractList(ResponseModel):
    """The contracts that exist for the sender."""

    contracts: tuple[ContractEntry, ...]


async def contracts(request: web.Request, access: Access) -> web.Response:
    """Return the contracts that serve an account that the sender sees."""
    states = await PollClaims(request.app[DATABASE]).states()
    now = request.app[CLOCK]()
    lines = contract_lines(access.settings, states, now, access.sees)
    return json_answer(ContractList(contracts=tuple(lines)))


def contract_lines(
    settings: Settings,
    states: Mapping[str, PollState],
    now: datetime,
    sees: Callable[[str], bool] = lambda _: True,
) -> list[ContractEntry]:
    """Return a line for each contract that serves an account that somebody *sees*."""
    return [
        _contract(c, tuple(filter(sees, c.accounts)), states.get(c.name), now)
        for c in settings.contracts.values()
        if any(map(sees, c.accounts))
    ]


def _contract(
    contract: ContractSettings,
    served: tuple[str, ...],
    state: PollState | None,
    now: datetime,
) -> ContractEntry:
    called = contract.verification != "polling_only"
    secret = "/{secret}" if contract.verification == "url" else ""
    asked = state is not None and contract.poll
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
        webhook=f"/webhooks/{contract.name}{secret}" if called else None,
        asked=_asked(contract, state, now) if state and asked else None,
    )


def _asked(contract: ContractSettings, state: PollState, now: datetime) -> PollingEntry:
    today = Allowance(zone=contract.zone).day(now)
    left_alone = state.open_until > micros(now)
    return PollingEntry(
        calls_today=state.used_on(today),
        daily_quota=contract.poll_daily_quota,
        failures=state.failures,
        left_alone_until=at(state.open_until) if left_alone else None,
        because=state.because,
    )


CONTRACT_OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/contracts",
        handler=contracts,
        scope=Scope.OPERATOR,
        summary="List the contracts, without their secrets",
        answers={200: ContractList},
    ),
)


def add_contract_routes(app: web.Application) -> None:
    """Serve the contracts."""
    mount(app, CONTRACT_OPERATIONS)
