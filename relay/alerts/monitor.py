"""The loop of alerts: once a minute one replica judges, and messages are sent."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import ClientSession

from relay.alerts.channels import AlertChannel, channels
from relay.alerts.facts import FactCollector, alert_terms
from relay.clock import Clock
from relay.config.settings import Settings
from relay.domain.alert_course import (
    Alert,
    AlertKey,
    AlertRound,
    CourseTerms,
    Returned,
    next_round,
)
from relay.domain.alert_events import alert_events
from relay.domain.alert_facts import AlertCondition
from relay.domain.alert_rules import conditions
from relay.domain.alert_texts import AlertMessage, digest
from relay.errors import NotDelivered
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever
from relay.store.alert_facts import AlertFactStore
from relay.store.alerts import (
    AlertStore,
    QueuedMessage,
    RoundOutput,
    dropped,
    postponed,
)
from relay.store.database import Database

LOOP: Final = "alerts"
TIMING: Final = LoopTiming(timedelta(seconds=20), timedelta(minutes=10))
"""More often than a round is due, so that messages are tried again soon."""
REPORT_EVERY: Final = timedelta(minutes=1)
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=30)
MOST_DOUBLINGS: Final = 6

Reasons = Callable[[], Awaitable[Sequence[str]]]
"""Returns why this process, and the one beside it, is not ready."""

_log = logger(__name__)


def process_name(role: str) -> str:
    """Return what a process is called in alerts: its role, and its machine."""
    return f"{role} on {socket.gethostname() or os.getpid()}"


@dataclass(slots=True)
class AlertMonitor:
    """Reports this process's state, judges alerts, and sends the messages.

    A process that does not work only reports. `settings` are replaced when they are
    reloaded.
    """

    settings: Settings
    database: Database
    session: ClientSession
    clock: Clock
    health: Health
    reasons: Reasons
    name: str
    works: bool = True
    store: AlertStore = field(init=False)
    facts: FactCollector = field(init=False)
    _reported: tuple[tuple[str, ...], datetime] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.store = AlertStore(self.database)
        self.facts = FactCollector(self.database)

    async def run(self) -> None:
        """Work until cancelled."""
        await run_forever(LOOP, self.step, self.health, TIMING)

    async def step(self) -> None:
        """Report, do a round if one is due, and send what waits."""
        await self._report()
        if self.works:
            await self._round()
            await self.deliver()

    async def _report(self) -> None:
        """Store why this process is not ready: each minute, and when it changes."""
        now, reasons = self.clock(), tuple(await self.reasons())
        reported = self._reported
        if reported and reported[0] == reasons and now - reported[1] < REPORT_EVERY:
            return
        await AlertFactStore(self.database).report(self.name, reasons, now)
        self._reported = (reasons, now)

    async def _round(self) -> None:
        now = self.clock()
        watched = await self.store.watched_since(now)
        if watched is None:
            return
        settings = self.settings
        facts = await self.facts.collect(settings, watched, now)
        found = conditions(facts, alert_terms(settings), now)
        terms = course_terms(settings, watched)

        def said(done: AlertRound) -> RoundOutput:
            events = tuple(alert_events(done, terms, now))
            return RoundOutput(
                _messages(done, settings), events, settings.subscriptions
            )

        done = await self.store.do_round(_judge(found, terms, now), said, now)
        if done is not None:
            _log_round(done)

    async def deliver(self) -> None:
        """Send the messages that are due; one channel does not wait for another."""
        made = channels(self.settings.alerts, self.session)
        taken = await self.store.take_messages(self.clock())
        async with asyncio.TaskGroup() as group:
            for name in {one.channel for one in taken}:
                queue = [one for one in taken if one.channel == name]
                group.create_task(self._send(made.get(name), queue))

    async def _send(
        self, channel: AlertChannel | None, queue: Sequence[QueuedMessage]
    ) -> None:
        """Send the messages of one channel in turn, until one fails."""
        for one in queue:
            if channel is None:  # it was removed from the settings
                await self.store.sent(one.channel, self.clock(), one.number)
                continue
            problem = await _problem(channel, one.message)
            if problem is None:
                await self.store.sent(one.channel, self.clock(), one.number)
            else:
                await self._failed(one, problem)
                return

    async def _failed(self, one: QueuedMessage, problem: str) -> None:
        now = self.clock()
        _log.warning(
            "alert not sent",
            channel=one.channel,
            error=problem,
            attempts=one.attempts,
            hint="correct [alerts], then: relay alerts test",
        )
        if one.attempts >= self.settings.alerts.attempts:
            change = dropped(one.number)
        else:
            change = postponed(one.number, now + pause(one.attempts))
        await self.store.failed(one.channel, problem, now, change)


async def _problem(channel: AlertChannel, message: AlertMessage) -> str | None:
    """Send a message; return why it was not accepted, None if it was."""
    try:
        await channel.send(message)
    except NotDelivered as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 -- a channel must not stop the others
        return f"unexpected error ({type(error).__name__})"
    return None


def pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, MOST_DOUBLINGS)
    return min(doubled, LONGEST_PAUSE)


def course_terms(settings: Settings, watched_since: datetime) -> CourseTerms:
    """Return how alerts are sent; the relay runs since *watched_since*."""
    of = settings.alerts
    return CourseTerms(
        remind=of.remind_hours,
        recover=of.recover_minutes,
        mute=frozenset(of.mute),
        has_channel=bool(of.channels),
        watched_since=watched_since,
    )


def _judge(
    found: Sequence[AlertCondition], terms: CourseTerms, now: datetime
) -> Callable[[Sequence[Alert], dict[AlertKey, Returned]], AlertRound]:
    return lambda known, ended: next_round(known, found, ended, terms, now)


def _messages(done: AlertRound, settings: Settings) -> dict[str, AlertMessage]:
    """Return the message of each channel, if the round has something to say."""
    if not done.notices:
        return {}
    message = digest(done.notices, settings.public_url)
    return dict.fromkeys(settings.alerts.channels, message)


def _log_round(done: AlertRound) -> None:
    """Log the alerts that were raised in this round, and those that are over."""
    for alert in done.stored:
        about = {"kind": alert.condition.kind, "text": alert.condition.text}
        if alert.resolved_at is not None:
            _log.info("alert over", **about)
        elif alert.raised_at == alert.seen_at:
            _log.warning("alert raised", **about, hint=alert.condition.hint)
