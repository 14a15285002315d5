"""Alerts from a carrier or an account in trouble to an inbox and a chat, and back."""

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json
from structlog.testing import capture_logs

from relay.alerts.email import EmailChannel
from relay.alerts.monitor import AlertMonitor
from relay.config.alerts import AlertSettings
from relay.domain.alert_course import Alert
from relay.domain.alert_texts import AlertMessage
from relay.errors import NotDelivered
from relay.health import Health
from relay.outbound import gates
from relay.runtime.alert_loops import AlertLoops
from relay.runtime.roles import BOTH
from relay.store.accounts import locked
from relay.store.alerts import AlertStore
from relay.store.outgoing_events import OutgoingEvents, OutgoingFilter
from tests.store.making import execute
from tests.support.receivers import Chat, Mailbox, chat, mailbox
from tests.support.world import ACCOUNT, CONTRACT, World

SECRET = "whsec_" + base64.b64encode(b"new-" * 8).decode()


@pytest.fixture
async def room() -> AsyncIterator[Chat]:
    async with chat() as received:
        yield received


@pytest.fixture
async def inbox() -> AsyncIterator[Mailbox]:
    async with mailbox() as received:
        yield received


def email_to(box: Mailbox, **more: Any) -> dict[str, Any]:
    return {
        "email_host": "127.0.0.1",
        "email_port": box.port,
        "email_security": "none",
        "email_from": "relay@example.com",
        "email_to": ["oncall@example.com", "night@example.com"],
    } | more


def loops(world: World, **alerts: Any) -> AlertLoops:
    """Return what a process of the relay has, with settings of [alerts]."""
    made = AlertSettings.model_validate(alerts)
    settings = world.settings.model_copy(update={"alerts": made})
    return AlertLoops(
        settings, world.database, world.session, world.clock, Health(), BOTH
    )


async def minutes(world: World, number: int, *monitors: AlertMonitor) -> None:
    """Let time pass, with a step of each monitor every minute."""
    for _ in range(number):
        await world.clock.move_to(world.now + timedelta(minutes=1))
        for monitor in monitors:
            await monitor.step()


async def amended(world: World, amend: gates.Amend) -> None:
    async with world.database.writing() as tx:
        state = await locked(tx, ACCOUNT)
        assert state is not None
        amend(state)
        await tx.run("save_account", **state.columns())


async def paused(world: World) -> None:
    """Let VTEX refuse so much that the account is paused."""
    await world.label()
    await world.rest()
    for _ in range(gates.SAME_REFUSALS):
        await amended(world, gates.refused("Maria da Silva, CPF 123"))


async def open_alerts(world: World) -> list[Alert]:
    return await AlertStore(world.database).open()


def subjects(room: Chat) -> list[str]:
    return [body["text"].splitlines()[0] for body in room.posted]


ALERT = (
    "[relay] ALERT: acme: VTEX refused ten shipments in a row for one reason; "
    "the account is paused"
)


async def test_an_alert_reaches_inbox_and_chat_once_and_so_does_its_end(
    world: World, room: Chat, inbox: Mailbox
) -> None:
    monitor = loops(world, chat_url=room.url, **email_to(inbox)).monitor
    await paused(world)
    await minutes(world, 30, monitor)
    assert subjects(room) == [ALERT]
    [mail] = inbox.mails
    assert mail["Subject"] == ALERT
    assert inbox.recipients == ["oncall@example.com", "night@example.com"]
    text = mail.get_content()
    assert "Where: VTEX" in text
    assert "relay accounts open acme" in text
    assert "Maria" not in text
    await amended(world, lambda state: state.open())
    await minutes(world, 30, monitor)
    assert subjects(room)[1:] == [ALERT.replace("ALERT", "RECOVERED")]
    assert len(inbox.mails) == 2
    assert await open_alerts(world) == []


async def test_a_restart_sends_nothing_again(world: World, room: Chat) -> None:
    await paused(world)
    await minutes(world, 2, loops(world, chat_url=room.url).monitor)
    await minutes(world, 10, loops(world, chat_url=room.url).monitor)
    assert subjects(room) == [ALERT]


async def test_replicas_send_once(world: World, room: Chat) -> None:
    here, there = (loops(world, chat_url=room.url).monitor for _ in range(2))
    await paused(world)
    await minutes(world, 15, here, there)
    assert subjects(room) == [ALERT]


async def test_replicas_at_the_same_moment_send_once(world: World, room: Chat) -> None:
    monitors = [loops(world, chat_url=room.url).monitor for _ in range(4)]
    await paused(world)
    await world.clock.move_to(world.now + timedelta(minutes=1))
    await asyncio.gather(*(monitor.step() for monitor in monitors))
    assert subjects(room) == [ALERT]


async def test_a_failing_channel_is_retried_and_stops_no_other(
    world: World, room: Chat, inbox: Mailbox
) -> None:
    loop = loops(world, chat_url=room.url, **email_to(inbox))
    inbox.refuses = True
    await paused(world)
    with capture_logs() as logged:
        await minutes(world, 10, loop.monitor)
    assert (subjects(room), inbox.mails) == ([ALERT], [])
    failed = [line for line in logged if line["event"] == "alert not sent"]
    # After 1, 2, 3, 5 and 9 minutes.
    assert [line["attempts"] for line in failed] == [1, 2, 3, 4, 5]
    channels = await AlertStore(world.database).channels()
    assert channels["email"].problem == "the SMTP server answered 451"
    assert channels["chat"].problem is None
    inbox.refuses = False
    await minutes(world, 30, loop.monitor)
    assert len(inbox.mails) == 1
    assert (await AlertStore(world.database).channels())["email"].problem is None


async def test_errors_show_no_secret(world: World, room: Chat) -> None:
    await paused(world)
    for status, url in ((404, room.url), (0, "http://127.0.0.1:1/secret-of-the-chat")):
        room.status = status
        with capture_logs() as logged:
            await minutes(world, 3, loops(world, chat_url=url).monitor)
        assert any(line["event"] == "alert not sent" for line in logged)
        channels = await AlertStore(world.database).channels()
        assert "secret-of" not in f"{logged}{channels}"


async def test_several_alerts_of_a_round_are_one_message(
    world: World, room: Chat
) -> None:
    monitor = loops(world, chat_url=room.url, parcels=1, disk_free_mb=10**9).monitor
    await paused(world)
    await world.clock.move_to(world.now + timedelta(days=8))
    await monitor.step()
    expected = 3 if world.database.dialect == "sqlite" else 2
    assert subjects(room) == [f"[relay] {expected} alerts: {expected} alert"]


async def test_settings_are_replaced_while_it_runs(world: World, room: Chat) -> None:
    loop = loops(world, mute=[ACCOUNT], chat_url=room.url)
    await paused(world)
    await minutes(world, 3, loop.monitor)
    [shown] = await open_alerts(world)
    assert (subjects(room), shown.notified_at) == ([], None)
    loop.reload(loops(world, chat_url=room.url).monitor.settings)
    await minutes(world, 3, loop.monitor)
    assert subjects(room) == [ALERT]


async def test_a_carrier_that_stops_calling_is_noticed(worlds: Any, room: Chat) -> None:
    silent = {"contract": {"alert_silent_hours": 5}}
    async with worlds(**silent) as world:
        monitor = loops(world, chat_url=room.url).monitor
        await world.label()
        await world.scan("in_transit")
        await minutes(world, 5 * 60, monitor)
        assert subjects(room) == []
        await minutes(world, 2, monitor)
        assert subjects(room) == [
            (
                f"[relay] ALERT: {CONTRACT}: no webhook for 5 hours, longer than "
                "alert_silent_hours allows; 1 shipment open"
            )
        ]
        await world.scan("in_transit")
        await minutes(world, 11, monitor)
        assert "RECOVERED" in subjects(room)[1]


async def test_a_failing_loop_of_another_process_is_noticed(
    world: World, room: Chat
) -> None:
    here, there = (loops(world, chat_url=room.url) for _ in range(2))
    there.monitor.name = "worker on another"
    there.health.report_problem("publisher", "failing (KeyError); see the log")
    await minutes(world, 5, here.monitor, there.monitor)
    assert subjects(room) == [
        (
            "[relay] ALERT: worker on another: publisher does not work: "
            "failing (KeyError); see the log"
        )
    ]


async def test_documents_that_wait_too_long_are_noticed(
    world: World, room: Chat
) -> None:
    loop = loops(world, chat_url=room.url, heartbeat_url=room.url)
    await world.send([world.event("in_transit")])  # and no reader parses it
    await minutes(world, 10, loop.monitor)
    assert "reader does not work: " in subjects(room)[0]
    assert not await loop.heartbeat.step()


async def test_the_heartbeat_is_called_only_while_all_is_well(
    world: World, room: Chat
) -> None:
    here, there = (loops(world, heartbeat_url=room.url) for _ in range(2))
    there.monitor.name = "worker on another"
    beat = here.heartbeat
    assert not await beat.step(), "a start is no sign of life"
    await minutes(world, 1, there.monitor)
    assert await beat.step()
    assert not await beat.step(), "it is not due yet"
    await minutes(world, 1, there.monitor)
    assert await beat.step()
    there.health.report_problem("publisher", "failing")
    await minutes(world, 1, there.monitor)
    assert not await beat.step()
    there.health.clear_problem("publisher")
    await minutes(world, 1, there.monitor)
    here.health.report_problem("disk", "full")
    assert not await beat.step()
    here.health.clear_problem("disk")
    room.status = 500
    assert not await beat.step()
    channels = await AlertStore(world.database).channels()
    assert channels["heartbeat"].problem == "answered 500"
    assert room.gets == 3


@pytest.fixture
def certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], ssl.SSLContext]:
    """Make a certificate for 127.0.0.1 that this process trusts."""

    def make() -> ssl.SSLContext:
        key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
            "-days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
        )
        subprocess.run(
            [*command.split(), "-keyout", key, "-out", cert],
            check=True,
            capture_output=True,
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context

    return make


async def test_a_password_is_sent_over_starttls_only(
    certificate: Callable[[], ssl.SSLContext],
) -> None:
    message = AlertMessage("[relay] test", "Olá")
    signed = {"email_security": "starttls", "email_user": "relay"}
    async with mailbox(tls=certificate(), password="right") as box:
        for password, problem in (("wrong", "rejects user or password"), ("right", "")):
            given = email_to(box, **signed, email_password=password)
            channel = EmailChannel(AlertSettings.model_validate(given))
            if problem:
                with pytest.raises(NotDelivered, match=problem):
                    await channel.send(message)
            else:
                await channel.send(message)
            assert box.secured, "the password came over TLS"
        assert [mail.get_content() for mail in box.mails] == ["Olá\r\n"]
    async with mailbox(password="right") as box:
        given = email_to(box, **signed, email_password="right")
        channel = EmailChannel(AlertSettings.model_validate(given))
        with pytest.raises(NotDelivered, match="does not offer STARTTLS"):
            await channel.send(message)
        assert not box.signed_in


async def test_a_server_that_is_encrypted_at_once_must_have_a_valid_certificate(
    certificate: Callable[[], ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = AlertMessage("[relay] test", "text")
    async with mailbox(encrypted=certificate()) as box:
        given = email_to(box, email_security="tls")
        channel = EmailChannel(AlertSettings.model_validate(given))
        await channel.send(message)
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(NotDelivered, match="certificate is not valid"):
            await channel.send(message)
        assert len(box.mails) == 1


async def test_resolved_alerts_and_their_rows_are_listed(
    world: World, room: Chat
) -> None:
    monitor = loops(world, chat_url=room.url).monitor
    await paused(world)
    await minutes(world, 2, monitor)
    await amended(world, lambda state: state.open())
    await minutes(world, 12, monitor)
    [over] = await AlertStore(world.database).resolved(10)
    assert over.condition.subject == "acme paused"
    assert await execute(world.database, "SELECT * FROM alert_messages") == []
    await minutes(world, 1, monitor)
    await world.clock.move_to(world.now + timedelta(days=91))
    await monitor.step()
    assert await AlertStore(world.database).resolved(10) == []


async def test_receivers_of_events_get_an_alert_and_its_end(
    worlds: Callable[..., AbstractAsyncContextManager[World]],
) -> None:
    """They need no channel, and get no reminders."""
    receiver = {
        "url": "http://127.0.0.1:9/hook",
        "secret": SECRET,
        "types": ["alert.*"],
    }
    async with worlds(tables={"outgoing": {"oncall": receiver}}) as world:
        monitor = loops(world).monitor
        await paused(world)
        await minutes(world, 3 * 24 * 60 // 30, monitor)
        await amended(world, lambda state: state.open())
        await minutes(world, 30, monitor)
        stored, _ = await OutgoingEvents(world.database).page(OutgoingFilter(), 10)
    events = [event for event, _ in reversed(stored)]
    assert [event["type"] for event in events] == ["alert.opened", "alert.resolved"]
    assert {event["account"] for event in events} == {ACCOUNT}
    about = from_json(events[0]["data"])["alert"]
    assert (about["kind"], about["party"]) == ("gate_closed", "vtex")
    assert "Maria" not in events[0]["data"]
