"""`relay accounts`, `contracts` and `erase`."""

from datetime import tzinfo
from typing import Annotated, Any

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import local, write_damage, write_line, write_model, write_table
from relay.cli.session import run_operation
from relay.cli.table import Column
from relay.config.settings import Settings
from relay.service.access import Caller
from relay.service.account_models import (
    AccountEntry,
    AccountList,
    ContractEntry,
    ContractList,
    ErasureAnswer,
)
from relay.service.services import Services
from relay.service.views import account_zone
from relay.text import escaped

ACCOUNTS = (
    Column("account"),
    Column("due"),
    Column("waiting"),
    Column("stuck"),
    Column("last accepted", 1),
    Column("an update"),
    Column("closed gates", is_text=True),
)
CONTRACTS = (
    Column("contract"),
    Column("adapter", 2),
    Column("accounts", 4),
    Column("polled today", 1),
    Column("of", 3),
    Column("failures", 1),
    Column("paused until"),
    Column("rejected"),
    Column("last rejected", 1),
    Column("webhook", is_text=True),
    Column("last handshake", 2),
    Column("last failure", is_text=True),
)


def list_(config: Config = None, as_json: AsJson = False) -> None:
    """List accounts, and why nothing is published for them."""

    async def operation(services: Services, caller: Caller) -> AccountList:
        return await services.accounts.accounts(caller)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    settings = settings_of(config)
    write_table(ACCOUNTS, [_account(one, settings) for one in found.accounts])
    write_damage((f"account {one.name}", one) for one in found.accounts)


def _account(one: AccountEntry, settings: Settings) -> list[Any]:
    accepted = local(one.last_accepted_at, account_zone(one.name, settings))
    gates = "; ".join(f"{gate.what}: {gate.reason}" for gate in one.gates)
    mode = (one.list_mode or "").replace("_", " ")
    return [one.name, one.due, one.waiting, one.stuck, accepted, mode, gates]


def open_(
    account: Annotated[str, typer.Argument(help="The account's name.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Try again at once, after a fix of credentials or permissions."""

    async def operation(services: Services, caller: Caller) -> AccountEntry:
        return await services.accounts.open(caller, account)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    if found.shadow_since is not None:
        write_line(f"{account}: in shadow mode; nothing is written until it ends")
        return
    write_line(f"{account}: open; a running relay tries again within a second")


def list_contracts(config: Config = None, as_json: AsJson = False) -> None:
    """List contracts, and why their carriers are not polled."""

    async def operation(services: Services, caller: Caller) -> ContractList:
        return await services.accounts.contracts(caller)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    settings = settings_of(config)
    zones = {one.name: account_zone(one.account, settings) for one in found.contracts}
    rows = [_contract(one, zones[one.name]) for one in found.contracts]
    write_table(CONTRACTS, rows)
    write_damage((f"contract {one.name}", one) for one in found.contracts)


def _contract(one: ContractEntry, zone: tzinfo) -> list[Any]:
    first, polling = [one.name, one.adapter, ", ".join(one.accounts)], one.polling
    handshake = local(one.last_handshake_at, zone)
    rejected: list[Any] = [None, None]
    if one.rejections is not None:
        at = local(one.rejections.last_at, zone)
        rejected = [one.rejections.rejected, at]
    if polling is None:
        return [*first, *[None] * 4, *rejected, one.webhook, handshake, None]
    pace = [polling.calls_today, polling.daily_quota, polling.failures]
    until = local(polling.paused_until, zone)
    return [
        *first,
        *pace,
        until,
        *rejected,
        one.webhook,
        handshake,
        polling.last_failure,
    ]


def erase(
    account: Annotated[str, typer.Argument(help="The account's name.")],
    order: Annotated[str, typer.Argument(help="The order's id, as in VTEX.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Erase the personal data of one order for good."""
    if not yes:
        typer.confirm(
            escaped(f"Erase order {order} of {account} for good?"), abort=True
        )

    async def operation(services: Services, caller: Caller) -> ErasureAnswer:
        return await services.accounts.erase(caller, account, order)

    done = run_operation(config, operation)
    if as_json:
        write_model(done)
    else:
        write_line(
            f"erased: {done.shipments} shipments, {done.documents} documents, "
            f"{done.events} events, {done.published} published events, "
            f"{done.calls} calls, {done.invoices} invoices"
        )
    if not done.emptied:
        write_line(
            "The database's log still holds it: a running relay empties it within "
            "minutes; without a running relay, run this command again.",
            err=True,
        )
