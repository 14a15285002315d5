"""Alerts as they are stored: their course, their messages, and the channels' state."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import MICROSECOND, micros, moment
from relay.domain.alert_course import (
    RETURNS_WITHIN,
    Alert,
    AlertKey,
    AlertRound,
    Returned,
)
from relay.domain.alert_facts import AlertCondition, AlertKind
from relay.domain.alert_texts import AlertMessage
from relay.domain.outgoing_events import OutgoingEvent, Subscriptions
from relay.store.codec import at, stored
from relay.store.database import Database, Row, Transaction
from relay.store.outgoing_events import record_outgoing

EVERY: Final = timedelta(minutes=1)
"""The time from one round to the next, over all replicas."""
FAR: Final = timedelta(minutes=5)
"""A next round that is further away was planned under a wrong clock."""
BREAK: Final = timedelta(minutes=5)
"""A round that comes so late ends a break: no relay was running."""
KEPT: Final = timedelta(days=90)
"""How long alerts that are over are listed."""
LEASE: Final = timedelta(minutes=3)
"""How long a message is taken for; longer than sending it may last."""
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message of one channel that is taken to be sent; this attempt is counted."""

    number: int
    channel: str
    message: AlertMessage
    made_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class ChannelState:
    """When a channel last worked; `problem` is None if its last call did."""

    channel: str
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    problem: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class RoundOutput:
    """What a round says: the message of each channel, and events for receivers."""

    messages: Mapping[str, AlertMessage]
    events: Sequence[OutgoingEvent] = ()
    subscriptions: Subscriptions = ()


Judge = Callable[[Sequence[Alert], dict[AlertKey, Returned]], AlertRound]
"""Decides about a round, from the open alerts and the latest ends of others."""


class AlertStore:
    """Reads and writes alerts; one replica at a time does a round."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def watched_since(self, now: datetime) -> datetime | None:
        """Return since when rounds are done without a break; None if none is due."""
        async with self._database.reading() as tx:
            row = await tx.row("alert_round")
        if row is None:
            return now
        return _watched(row, now) if _is_due(row, now) else None

    async def do_round(
        self,
        judge: Judge,
        write: Callable[[AlertRound], RoundOutput],
        now: datetime,
    ) -> AlertRound | None:
        """Do the round of *now*; return None if another replica has done it.

        *write* returns messages and events, which are stored with the alerts.
        """
        async with self._database.writing() as tx:
            await tx.run("add_alert_round")
            row = await tx.row("lock_alert_round")
            if row is None or not _is_due(row, now):
                return None
            next_at, since = micros(now + EVERY), micros(_watched(row, now))
            await tx.run("move_alert_round", next_at=next_at, watched_since=since)
            known = [_alert(r) for r in await tx.rows("open_alerts")]
            done = judge(known, await _ended(tx, now))
            await _store(tx, done)
            said = write(done)
            await record_outgoing(tx, said.events, said.subscriptions, now)
            for channel, message in said.messages.items():
                await tx.run(
                    "add_alert_message",
                    channel=channel,
                    subject=message.subject,
                    text=message.text,
                    now=micros(now),
                )
            await tx.run("delete_resolved_alerts", before=micros(now - KEPT))
        return done

    async def open(self) -> list[Alert]:
        """Return the alerts that are open and were raised, the oldest first."""
        async with self._database.reading() as tx:
            found = [_alert(r) for r in await tx.rows("open_alerts")]
        raised = [alert for alert in found if alert.raised_at is not None]
        return sorted(raised, key=lambda alert: alert.opened_at)

    async def resolved(self, limit: int) -> list[Alert]:
        """Return the alerts that were over last."""
        async with self._database.reading() as tx:
            return [_alert(r) for r in await tx.rows("resolved_alerts", limit=limit)]

    async def take_messages(self, now: datetime) -> list[QueuedMessage]:
        """Take the messages to send now, so that no other replica sends them."""
        async with self._database.reading() as tx:
            if await tx.row("next_alert_message", now=micros(now)) is None:
                return []
        async with self._database.writing() as tx:
            found = await tx.rows("alert_messages_due", now=micros(now), limit=MOST)
            for row in found:
                until = micros(now + LEASE)
                await tx.run("take_alert_message", message=row["message"], until=until)
        return [_message(row) for row in found]

    async def sent(self, channel: str, now: datetime, message: int | None) -> None:
        """Record that *channel* worked, and that *message* is done."""
        async with self._database.writing() as tx:
            await tx.run("alert_channel_worked", channel=channel, now=micros(now))
            if message is not None:
                await tx.run("delete_alert_message", message=message)

    async def failed(
        self,
        channel: str,
        problem: str,
        now: datetime,
        then: Callable[[Transaction], Awaitable[None]] | None = None,
    ) -> None:
        """Record that *channel* failed; *then* changes its message."""
        async with self._database.writing() as tx:
            await tx.run(
                "alert_channel_failed",
                channel=channel,
                problem=problem,
                now=micros(now),
            )
            if then is not None:
                await then(tx)

    async def channels(self) -> dict[str, ChannelState]:
        """Return the state of every channel that was ever used, by its name."""
        async with self._database.reading() as tx:
            found = await tx.rows("list_alert_channels")
        return {r["channel"]: _channel(r) for r in found}


def postponed(
    message: int, until: datetime
) -> Callable[[Transaction], Awaitable[None]]:
    """Return what tries a message again at *until*."""

    async def change(tx: Transaction) -> None:
        await tx.run("postpone_alert_message", message=message, try_at=micros(until))

    return change


def dropped(message: int) -> Callable[[Transaction], Awaitable[None]]:
    """Return what gives a message up."""

    async def change(tx: Transaction) -> None:
        await tx.run("delete_alert_message", message=message)

    return change


def _is_due(row: Row, now: datetime) -> bool:
    next_at: int = row["next_at"]
    return next_at <= micros(now) or next_at > micros(now + FAR)


def _watched(row: Row, now: datetime) -> datetime:
    """Return since when there was a round every few minutes."""
    late = micros(now) - row["next_at"]
    return now if late > BREAK // MICROSECOND else moment(row["watched_since"])


async def _ended(tx: Transaction, now: datetime) -> dict[AlertKey, Returned]:
    since = micros(now - RETURNS_WITHIN)
    found = await tx.rows("alerts_resolved_since", since=since)
    return {
        (AlertKind(r["kind"]), r["subject"]): Returned(
            moment(r["resolved_at"]), r["returns"]
        )
        for r in found
    }


async def _store(tx: Transaction, done: AlertRound) -> None:
    for alert in done.stored:
        if alert.number is None:
            await tx.run("add_alert", **_columns(alert))
        else:
            await tx.run("save_alert", **_columns(alert), alert=alert.number)
    for alert in done.deleted:
        await tx.run("delete_alert", alert=alert.number)


def _columns(alert: Alert) -> dict[str, Any]:
    about = alert.condition
    return {
        "kind": str(about.kind),
        "subject": about.subject,
        "account": about.account,
        "contract": about.contract,
        "party": about.party,
        "text": about.text,
        "hint": about.hint,
        "command": about.command,
        "page": about.page,
        "since": stored(about.since),
        "opened_at": micros(alert.opened_at),
        "seen_at": micros(alert.seen_at),
        "raised_at": stored(alert.raised_at),
        "notified_at": stored(alert.notified_at),
        "resolved_at": stored(alert.resolved_at),
        "returns": alert.returns,
    }


def _alert(row: Row) -> Alert:
    names = ("subject", "account", "contract", "party", "text", "hint", "command")
    about = AlertCondition(
        kind=AlertKind(row["kind"]),
        page=row["page"],
        since=at(row["since"]),
        **{name: row[name] for name in names},
    )
    return Alert(
        condition=about,
        number=row["alert"],
        opened_at=moment(row["opened_at"]),
        seen_at=moment(row["seen_at"]),
        raised_at=at(row["raised_at"]),
        notified_at=at(row["notified_at"]),
        resolved_at=at(row["resolved_at"]),
        returns=row["returns"],
    )


def _message(row: Row) -> QueuedMessage:
    message = AlertMessage(row["subject"], row["text"])
    made_at, attempts = moment(row["made_at"]), row["attempts"] + 1
    return QueuedMessage(row["message"], row["channel"], message, made_at, attempts)


def _channel(row: Row) -> ChannelState:
    return ChannelState(
        row["channel"],
        at(row["sent_at"]),
        at(row["failed_at"]),
        row["problem"],
        row["failures"],
    )
