"""`/v1/contracts`: what is configured, and how the carriers are asked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from relay.clock import micros
from relay.settings import ContractSettings, Scope, Settings
from relay.store.polls import PollClaims
from relay.store.pollstate import Allowance, PollState
from relay.store.spelling import at
from relay.web.bodies import Answer, answer
from relay.web.keys import CLOCK, DATABASE
from relay.web.operations import Operation, mount
from relay.web.tokens import Access


class AskedLine(Answer):
    """How a carrier is asked: calls of the contract's day, and the breaker.

    `failures` are in a row; until `leftAloneUntil` nobody is asked, `because` of
    the last one.
    """

    calls_today: int
    daily_quota: int | None
    failures: int
    left_alone_until: datetime | None
    because: str | None


class ContractLine(Answer):
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
    asked: AskedLine | None


class ContractList(Answer):
    """The contracts that exist for the sender."""

    contracts: tuple[ContractLine, ...]


async def contracts(request: web.Request, access: Access) -> web.Response:
    """Return the contracts that serve an account that the sender sees."""
    states = await PollClaims(request.app[DATABASE]).states()
    now = request.app[CLOCK]()
    lines = contract_lines(access.settings, states, now, access.sees)
    return answer(ContractList(contracts=tuple(lines)))


def contract_lines(
    settings: Settings,
    states: Mapping[str, PollState],
    now: datetime,
    sees: Callable[[str], bool] = lambda _: True,
) -> list[ContractLine]:
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
) -> ContractLine:
    called = contract.verification != "asked"
    secret = "/{secret}" if contract.verification == "url" else ""
    asked = state is not None and contract.poll
    return ContractLine(
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


def _asked(contract: ContractSettings, state: PollState, now: datetime) -> AskedLine:
    today = Allowance(zone=contract.zone).day(now)
    left_alone = state.open_until > micros(now)
    return AskedLine(
        calls_today=state.used_on(today),
        daily_quota=contract.poll_daily_quota,
        failures=state.failures,
        left_alone_until=at(state.open_until) if left_alone else None,
        because=state.because,
    )


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/contracts",
        handler=contracts,
        scope=Scope.OPERATOR,
        summary="List the contracts, without their secrets",
        answers={200: ContractList},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the contracts."""
    mount(app, OPERATIONS)
