"""`/v1/accounts`: the stores, and what is shut of each."""

from datetime import datetime
from typing import Final

from aiohttp import web

from relay.clock import micros
from relay.errors import NotFound
from relay.settings import Scope
from relay.store.accounts import AccountState
from relay.store.spelling import at
from relay.web.bodies import Answer, answer
from relay.web.keys import ACCOUNTS, CLOCK, ON_NEWS
from relay.web.models import Problem
from relay.web.operations import Operation, mount
from relay.web.tokens import Access

ACCOUNTS_ROOT: Final = "/v1/accounts"


class Gate(Answer):
    """Something that is not done for an account, why, and when it is tried again."""

    what: str
    because: str
    until: datetime | None = None


class AccountLine(Answer):
    """One VTEX store; `gates` are shut, and none means that all is well.

    `lastAcceptedAt` is when VTEX took a write last.
    """

    name: str
    zone: str
    gates: tuple[Gate, ...]
    last_accepted_at: datetime | None


class AccountList(Answer):
    """The accounts that exist for the sender."""

    accounts: tuple[AccountLine, ...]


async def accounts(request: web.Request, access: Access) -> web.Response:
    """Return the accounts with what is shut of each."""
    states = {s.account: s for s in await request.app[ACCOUNTS].all()}
    now = micros(request.app[CLOCK]())
    lines = [
        _account(access, name, states.get(name) or AccountState(name), now)
        for name in sorted(access.visible())
    ]
    return answer(AccountList(accounts=tuple(lines)))


async def open_account(request: web.Request, access: Access) -> web.Response:
    """Forget every reason for which nothing is sent, and try at once."""
    name = request.match_info["name"]
    if name not in access.visible():
        raise NotFound("there is no such account")
    await request.app[ACCOUNTS].open(name)
    request.app[ON_NEWS]()
    states = {s.account: s for s in await request.app[ACCOUNTS].all()}
    state = states.get(name) or AccountState(name)
    return answer(_account(access, name, state, micros(request.app[CLOCK]())))


def _account(access: Access, name: str, state: AccountState, now: int) -> AccountLine:
    return AccountLine(
        name=name,
        zone=access.settings.accounts[name].zone.key,
        gates=tuple(_gates(state, now)),
        last_accepted_at=at(state.accepted_at),
    )


def _gates(state: AccountState, now: int) -> list[Gate]:
    """Say in words what is shut."""
    gates: list[Gate] = []
    if state.paused_because:
        gates.append(
            Gate(what="everything, until opened", because=state.paused_because)
        )
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
        answers={200: AccountLine, 404: Problem},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the accounts."""
    mount(app, OPERATIONS)
