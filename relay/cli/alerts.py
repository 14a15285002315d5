"""`relay alerts`: which are open, which were, and a test of the channels."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import tzinfo
from typing import Annotated, Any, Final

import typer
from aiohttp import ClientSession

from relay.alerts.calls import call
from relay.alerts.channels import channels
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import local, shown, write_line, write_model, write_table
from relay.cli.session import run_operation
from relay.cli.table import Column
from relay.clock import utcnow
from relay.config.settings import Settings
from relay.domain.alert_texts import trial
from relay.errors import ConfigurationError, NotDelivered
from relay.service.access import Caller
from relay.service.alert_models import AlertEntry, AlertList
from relay.service.services import Services
from relay.service.views import account_zone

COLUMNS: Final = (
    Column("since"),
    Column("kind"),
    Column("fault"),
    Column("notified", 1),
    Column("over", 1),
    Column("message", is_text=True),
)
History = Annotated[
    bool, typer.Option("--history", help="Those that were over last, of 90 days.")
]


def list_(
    history: History = False, config: Config = None, as_json: AsJson = False
) -> None:
    """Show open alerts with what to do about each, or those that are over."""

    async def operation(services: Services, caller: Caller) -> AlertList:
        return await services.alerts.alerts(caller)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    settings = settings_of(config)
    zone = account_zone(next(iter(settings.accounts), None), settings)
    listed = found.history if history else found.open
    if listed:
        write_table(COLUMNS, [_row(one, zone) for one in listed])
    else:
        write_line("No alert is over yet." if history else "No alert is open.")
    if not history:
        _write_hints(listed)
    for channel in found.channels:
        if channel.problem:
            write_line(f"alerts by {channel.channel} are not sent: {channel.problem}")


def _row(one: AlertEntry, zone: tzinfo) -> list[Any]:
    sent = "muted" if one.muted else local(one.notified_at, zone)
    over = local(one.resolved_at, zone)
    return [local(one.since, zone), str(one.kind), one.party, sent, over, one.message]


def _write_hints(listed: Iterable[AlertEntry]) -> None:
    """Write what to do, once per alert."""
    for one in listed:
        write_line(f"{one.kind} {shown(one.subject)}: {shown(one.hint)}")
        write_line(f"  see: {one.command}")


def send_test(config: Config = None) -> None:
    """Send a test message by every channel, and call the heartbeat's address.

    The exit code is 1 if one of them does not work.
    """
    settings = settings_of(config)
    results = asyncio.run(_tried(settings))
    if not results:
        raise ConfigurationError(
            "alerts: no channel is set up; set alerts.email_host, alerts.chat_url or "
            "alerts.heartbeat_url"
        )
    for name, problem in results.items():
        write_line(f"{name}: {problem or 'sent'}")
    raise typer.Exit(1 if any(results.values()) else 0)


async def _tried(settings: Settings) -> dict[str, str]:
    """Return the problem of each channel, '' if it works."""
    message, url = trial(utcnow()), settings.alerts.heartbeat_url
    async with ClientSession() as session:
        results = {
            name: await _problem(channel.send(message))
            for name, channel in channels(settings.alerts, session).items()
        }
        if url is not None:
            beat = call(session, "GET", url.get_secret_value())
            results["heartbeat"] = await _problem(beat)
    return results


async def _problem(sending: Awaitable[None]) -> str:
    """Return why a message was not accepted, '' if it was."""
    try:
        await sending
    except NotDelivered as error:
        return str(error)
    return ""
