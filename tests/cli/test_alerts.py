"""`relay alerts`: what is open, what is over, and a test of the channels."""

import asyncio
from datetime import timedelta

import pytest

from relay.cli import LazyCommand
from relay.cli.command_table import GROUPS
from relay.domain.alert_facts import AlertTerms
from relay.domain.alert_rules import conditions
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import NOW, Cli
from tests.domain.test_alert_rules import NOW as RULES_NOW
from tests.domain.test_alert_rules import TABLE
from tests.support.alerts import condition, judged
from tests.support.receivers import chat, mailbox


@pytest.fixture(autouse=True)
def _configured(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
    }


@pytest.mark.usefixtures("ids")
def test_open_alerts_say_what_to_do_and_then_are_history(cli: Cli) -> None:
    assert cli("alerts", "list").stdout == "No alert is open.\n"
    assert cli("alerts", "list", "--history").stdout == "No alert is over yet.\n"

    async def paused(database: SqliteDatabase) -> None:
        await judged(database, NOW, condition())

    async def opened(database: SqliteDatabase) -> None:
        await judged(database, NOW + timedelta(minutes=11))

    cli.on_database(paused)
    shown = cli("alerts", "list").stdout
    assert "store: the account is paused" in shown
    assert "gate_closed store paused: relay accounts open store" in shown
    cli.on_database(opened)
    assert cli("alerts", "list").stdout == "No alert is open.\n"
    assert "the account is paused" in cli("alerts", "list", "--history").stdout
    assert [one["muted"] for one in cli.json("alerts", "list")["history"]] == [False]


async def test_a_test_message_goes_through_every_channel(cli: Cli) -> None:
    async with mailbox() as box, chat() as room:
        cli.environ |= {
            "RELAY_ALERTS__EMAIL_HOST": "127.0.0.1",
            "RELAY_ALERTS__EMAIL_PORT": str(box.port),
            "RELAY_ALERTS__EMAIL_SECURITY": "none",
            "RELAY_ALERTS__EMAIL_FROM": "relay@example.com",
            "RELAY_ALERTS__EMAIL_TO": "oncall@example.com, night@example.com",
            "RELAY_ALERTS__CHAT_URL": room.url,
            "RELAY_ALERTS__CHAT_FORMAT": "teams",
            "RELAY_ALERTS__HEARTBEAT_URL": room.url,
        }
        ran = await asyncio.to_thread(cli, "alerts", "test")
        assert ran.output == "email: sent\nchat: sent\nheartbeat: sent\n"
        assert ran.exit_code == 0
        assert [mail["Subject"] for mail in box.mails] == ["[relay] test of the alerts"]
        [card] = room.posted
        assert card["attachments"][0]["content"]["type"] == "AdaptiveCard"
        assert room.gets == 1
        room.status = 403
        ran = await asyncio.to_thread(cli, "alerts", "test")
        expected = "email: sent\nchat: answered 403\nheartbeat: answered 403\n"
        assert (ran.output, ran.exit_code) == (expected, 1)


def test_without_a_channel_the_test_says_what_to_set(cli: Cli) -> None:
    ran = cli("alerts", "test")
    assert ran.exit_code != 0
    assert "no channel is set up" in str(ran.exception)


def test_every_command_that_an_alert_names_exists() -> None:
    for facts, _ in TABLE:
        for found in conditions(facts, AlertTerms(), RULES_NOW):
            for line in found.command.split("; "):
                words = line.removeprefix("relay ").split()
                path = " ".join(words[:2]) if words[0] in GROUPS else words[0]
                command = LazyCommand(path).load()
                options = {o for parameter in command.params for o in parameter.opts}
                assert {word for word in words if word.startswith("--")} <= options
