"""Wakes the loops that have new work, in this process and in others.

All of it is only a hint: every loop looks for work by itself, too.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from relay.logs import logger
from relay.runtime.channel import Channel
from relay.store.database import Database

_log = logger(__name__)


class Work(StrEnum):
    """What there is to do."""

    DOCUMENTS = "documents"
    """Documents to parse."""
    SHIPMENTS = "shipments"
    """Shipments to publish."""
    POLLS = "polls"
    """Parcels to poll now."""


ALL_WORK: Final = ""
"""Notification of any work: from a command, or after one was lost."""


class Notifier:
    """Says that there is work: to *here*, to the other process, or to replicas.

    `here` are the loops of this process, by their work. Without them the *channel*
    leads to the worker; without that one, PostgreSQL notifies all workers.
    """

    def __init__(
        self,
        database: Database,
        channel: Channel | None = None,
        here: Mapping[Work, Callable[[], None]] = MappingProxyType({}),
    ) -> None:
        self.here = here
        self._database = database
        self._channel = channel
        self._sending: dict[Work, asyncio.Future[None]] = {}

    def documents(self) -> None:
        """Say that documents were stored."""
        self._say(Work.DOCUMENTS, replicas=not self.here and self._channel is None)

    def shipments(self) -> None:
        """Say that shipments became due; other replicas may have time for them."""
        self._say(Work.SHIPMENTS, replicas=True)

    def polls(self) -> None:
        """Say that parcels are to be polled now."""
        self._say(Work.POLLS, replicas=not self.here and self._channel is None)

    def wake(self, work: str) -> None:
        """Wake what does *work* in this process; `ALL_WORK` wakes all."""
        for kind, callback in self.here.items():
            if work in (kind, ALL_WORK):
                callback()

    def _say(self, work: Work, *, replicas: bool) -> None:
        if self.here:
            self.here[work]()
        elif self._channel is not None:
            self._channel.hint(work)
        if replicas and self._database.dialect == "postgres":
            self._notify(work)

    def _notify(self, work: Work) -> None:
        """Notify the replicas, unless a notification of the same work is being sent.

        The one that is skipped may be lost; its work is found within a second.
        """
        if work not in self._sending:
            sending = asyncio.ensure_future(self._database.notify(work))
            self._sending[work] = sending
            sending.add_done_callback(lambda done: self._sent(work, done))

    def _sent(self, work: Work, sending: asyncio.Future[None]) -> None:
        del self._sending[work]
        if not sending.cancelled() and sending.exception() is not None:
            _log.warning("replicas not notified", error=repr(sending.exception()))
