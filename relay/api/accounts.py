"""`/v1/accounts` and `/v1/contracts`: what stops publishing or polling."""

from typing import Final, Literal

from aiohttp import web

from relay.api.bodies import json_answer, parse_query
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.account_models import AccountEntry, AccountList, ContractList
from relay.service.models import Problem
from relay.service.queries import ShadowQuery
from relay.service.shadow_models import ShadowReport
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


class ShadowTableQuery(ShadowQuery):
    """Which comparisons, as JSON or as a table.

    `all` includes shipments without a difference. With `format=csv` the answer is a
    table of every shipment, for a spreadsheet.
    """

    format: Literal["json", "csv"] = "json"
    delimiter: Literal[",", ";", "\t"] = ","


@operations.get(
    ROOT + "/{name}/shadow",
    scope=Scope.OPERATOR,
    query=ShadowTableQuery,
    answers={200: ShadowReport, 404: Problem, 422: Problem},
    also=("text/csv",),
)
async def report_shadow(request: web.Request, caller: Caller) -> web.Response:
    """Show what would differ in VTEX if the relay had sent, in shadow mode."""
    shadow, name = request.app[SERVICES].shadow, request.match_info["name"]
    query = parse_query(request, ShadowTableQuery)
    if query.format == "json":
        return json_answer(await shadow.report(caller, name, query))
    text = await shadow.table(
        caller, name, everything=query.all, delimiter=query.delimiter
    )
    headers = {"Content-Disposition": 'attachment; filename="shadow.csv"'}
    return web.Response(text=text, content_type="text/csv", headers=headers)


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
