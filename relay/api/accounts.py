"""`/v1/accounts` and `/v1/contracts`: what stops publishing or polling."""

from typing import Final

from aiohttp import web

from relay.api.bodies import json_answer, parse_query
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.account_models import AccountEntry, AccountList, ContractList
from relay.service.models import Problem
from relay.service.statistics import StatisticsQuery
from relay.service.statistics_models import ContractStatistics

ROOT: Final = "/v1/accounts"
operations = OperationTable()


@operations.get(ROOT, scope=Scope.OPERATOR, answers={200: AccountList})
async def list_accounts(request: web.Request, caller: Caller) -> web.Response:
    """List the accounts with their closed gates."""
    return json_answer(await request.app[SERVICES].accounts.accounts(caller))


@operations.post(
    ROOT + "/{name}/open",
    scope=Scope.OPERATOR,
    answers={200: AccountEntry, 404: Problem},
)
async def open_account(request: web.Request, caller: Caller) -> web.Response:
    """Open every gate of an account and try again at once."""
    name = request.match_info["name"]
    return json_answer(await request.app[SERVICES].accounts.open(caller, name))


@operations.get("/v1/contracts", scope=Scope.OPERATOR, answers={200: ContractList})
async def list_contracts(request: web.Request, caller: Caller) -> web.Response:
    """List the contracts, without their secrets."""
    return json_answer(await request.app[SERVICES].accounts.contracts(caller))


@operations.get(
    "/v1/contracts/{contract}/statistics",
    scope=Scope.OPERATOR,
    query=StatisticsQuery,
    answers={200: ContractStatistics, 404: Problem, 422: Problem},
)
async def show_statistics(request: web.Request, caller: Caller) -> web.Response:
    """Show what the carrier of a contract did in the last days."""
    query, name = parse_query(request, StatisticsQuery), request.match_info["contract"]
    statistics = request.app[SERVICES].statistics
    return json_answer(await statistics.of_contract(caller, name, query))
