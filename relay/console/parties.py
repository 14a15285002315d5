"""Carriers, VTEX accounts, and the settings as far as people need them."""

from aiohttp import web

from relay.console.checkup import visible_checkup
from relay.console.keys import SERVICES, USER
from relay.console.page import render
from relay.console.security import caller
from relay.service.queries import MOST, ShadowQuery, WorkListQuery
from relay.service.shadow import table_rows
from relay.store.worklist_queries import WorkList

routes = web.RouteTableDef()


@routes.get("/carriers")
async def carriers(request: web.Request) -> web.Response:
    """Show each contract: polling, rejected webhooks, and unmapped codes."""
    services, who = request.app[SERVICES], caller(request)
    found = await services.accounts.contracts(who)
    unknown = await services.worklists.page(
        who, WorkList.UNKNOWN_CODES, WorkListQuery(limit=200)
    )
    return await render(
        request,
        "carriers.html",
        contracts=found.contracts,
        unknown=unknown.entries,
        may_act=request[USER].may_act,
    )


@routes.get("/vtex")
async def vtex(request: web.Request) -> web.Response:
    """Show each account: what is not done, why, and when it is tried again."""
    services, who = request.app[SERVICES], caller(request)
    found = await services.accounts.accounts(who)
    configured = services.context.settings.accounts
    in_shadow = [a.name for a in found.accounts if a.shadow_since is not None]
    query = ShadowQuery(limit=MOST)
    return await render(
        request,
        "vtex.html",
        accounts=found.accounts,
        calls=await services.recent_calls.by_account(who),
        reports={
            name: await services.shadow.report(who, name, query)
            for name in in_shadow
            if name in configured
        },
        rows=table_rows,
        may_act=request[USER].may_act,
    )


@routes.get("/vtex/{account}/shadow.csv")
async def shadow_csv(request: web.Request) -> web.Response:
    """Send an account's report of shadow mode as CSV, as work lists are sent."""
    account = request.match_info["account"]
    table = await request.app[SERVICES].shadow.table(
        caller(request), account, everything=False, delimiter=";"
    )
    headers = {"Content-Disposition": 'attachment; filename="shadow.csv"'}
    return web.Response(text=table, content_type="text/csv", headers=headers)


@routes.get("/settings")
async def settings(request: web.Request) -> web.Response:
    """Show the webhook address to give to each carrier, and how to test it."""
    services = request.app[SERVICES]
    configured = services.context.settings
    found = await services.accounts.contracts(caller(request))
    return await render(
        request,
        "settings.html",
        contracts=[
            (one, configured.webhook_url(configured.contracts[one.name]))
            for one in found.contracts
        ],
        public_url=configured.public_url,
        checkup=visible_checkup(request),
        may_act=request[USER].may_act,
    )
