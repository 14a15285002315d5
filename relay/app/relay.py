"""Everything that runs in one process, put together from its settings."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import ClientSession, web

from relay.carrier.contract import Carrier
from relay.clock import Clock
from relay.drift import Drift
from relay.health import Health
from relay.intake import Intake
from relay.metrics import Metrics
from relay.news import News
from relay.polling.answers import Answers
from relay.polling.poller import Poller
from relay.polling.rounds import Rounds, Tells
from relay.polling.terms import READ_LIMIT, callings
from relay.publisher.publisher import Publisher
from relay.publisher.sending import Sender
from relay.reading import TIME_LIMIT, Calls, Reader
from relay.registering import Registrar
from relay.resolving import reading_terms
from relay.room import Room
from relay.settings import Settings
from relay.store.accounts import Accounts
from relay.store.ages import Ages
from relay.store.claims import Claims
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.keeping import Keeper
from relay.store.labels import Labels
from relay.store.polls import PollClaims
from relay.store.slices import Terms
from relay.store.sqlite import SqliteDatabase
from relay.store.sweep import Sweep
from relay.sweeping import Sweeper
from relay.telling.facts import Policy
from relay.vtex.client import VtexClient
from relay.web.keys import REGISTRAR
from relay.web.routes import Parts, application
from relay.web.tokens import check_tokens
from relay.wiring import (
    ages_policy,
    carriers,
    credentials,
    hang,
    pace,
    publisher_terms,
    watched,
)


@dataclass(slots=True)
class Relay:
    """Everything that runs in one process."""

    settings: Settings
    clock: Clock
    carriers: dict[str, Carrier]
    database: Database
    vtex: VtexClient
    session: ClientSession
    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)
    documents: Documents = field(init=False)
    publisher: Publisher = field(init=False)
    keeper: Keeper | None = field(init=False)
    reader: Reader = field(init=False)
    intake: Intake = field(init=False)
    sweeper: Sweeper = field(init=False)
    poller: Poller = field(init=False)
    news: News = field(init=False)
    terms: Terms = field(init=False)
    _registrar: Registrar | None = None

    def __post_init__(self) -> None:
        self.documents = Documents(self.database)
        self.terms = self._terms()
        self.publisher = self._publisher()
        self.news = News(self.database, self.publisher.wake)
        self.keeper = (
            Keeper(self.database) if isinstance(self.database, SqliteDatabase) else None
        )
        self.reader = self._reader()
        self.intake = self._intake()
        self.sweeper = self._sweeper()
        self.poller = self._poller()

    @property
    def alone(self) -> bool:
        """Whether no other process publishes from this database."""
        return isinstance(self.database, SqliteDatabase)

    def application(self) -> web.Application:
        """Make the HTTP server's application."""
        parts = Parts(
            settings=self.settings,
            database=self.database,
            documents=self.documents,
            labels=self._labels(),
            intake=self.intake,
            carriers=self.carriers,
            health=self.health,
            clock=self.clock,
            on_news=self.news,
            on_replay=self.reader.wake,
            on_track=self.poller.wake,
            metrics=self.metrics,
        )
        made = application(parts)
        self._registrar = made[REGISTRAR]
        return made

    async def reload(self, settings: Settings) -> None:
        """Go on with other tokens, accounts and contracts, more of them included.

        Raises `ConfigurationError`, and goes on as before then.
        """
        check_tokens(settings)
        self.carriers.update(carriers(settings))
        self.settings = settings
        self.terms.take_over(self._terms())
        self.publisher.terms = publisher_terms(settings)
        self.intake.reload(self.carriers, settings.contracts)
        self.reader.reload(self.carriers)
        self.poller.reload(callings(settings.contracts, self.carriers))
        self.sweeper.sweep = self._sweep()
        if self._registrar is not None:
            self._registrar.settings = settings
        await self.notice_credentials()
        self.publisher.wake()

    async def notice_credentials(self) -> None:
        """Open the gates of accounts whose credentials are others now."""
        accounts = Accounts(self.database)
        for account, digest in credentials(self.settings).items():
            await accounts.credentials(account, digest, self.clock())

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what runs beside the HTTP server, by name."""
        loops = {
            "reader": self.reader.run(),
            "publisher": self.publisher.run(),
            "sweeper": self.sweeper.run(),
            "poller": self.poller.run(),
            "clock": Drift(self.database, self.clock, self.health).run(),
        }
        if not isinstance(self.database, SqliteDatabase) or self.keeper is None:
            return loops
        room = Room(self.database.path.absolute().parent, self.health)
        return loops | {"keeper": self.keeper.run(), "disk": room.run()}

    def _publisher(self) -> Publisher:
        claims = Claims(self.database)
        return Publisher(
            claims,
            Sender(claims, self.vtex, on_call=self.metrics.count_call),
            publisher_terms(self.settings),
            self.clock,
            unread=claims.unread_since,
            on_round=partial(self.health.beat, "publisher"),
        )

    def _terms(self) -> Terms:
        settings = self.settings
        return reading_terms(settings.contracts, self.carriers, pace(settings))

    def _labels(self) -> Labels:
        terms = self.terms
        return Labels(self.database, terms.pace, terms.lower_bounds, terms.adoptions)

    def _reader(self) -> Reader:
        database = self.database
        calls = Calls(
            on_news=self.news,
            on_idle=self.keeper.burst_read if self.keeper else nothing,
            on_hang=hang,
            on_read=self.metrics.count_read,
            guard=lambda: watched(2 * TIME_LIMIT),
        )
        return Reader(
            self.documents,
            self.carriers,
            self.clock,
            terms=self.terms,
            calls=calls,
            health=self.health,
            unclean=not isinstance(database, SqliteDatabase) or database.unclean,
        )

    def _intake(self) -> Intake:
        return Intake(
            self.documents,
            self.carriers,
            self.settings.contracts,
            self.clock,
            limits=self.settings.intake,
            health=self.health,
            metrics=self.metrics,
            on_kept=self.reader.wake,
        )

    def _poller(self) -> Poller:
        claims = PollClaims(self.database)
        guard = partial(watched, 2 * READ_LIMIT)
        rounds = Rounds(
            claims,
            self.carriers,
            Answers(self.database, self.clock, READ_LIMIT, guard),
            self.session,
            self.intake.keep_document,
            self.clock,
            Tells(self.metrics.count_poll, self.reader.wake, hang),
        )
        asked = callings(self.settings.contracts, self.carriers)
        return Poller(claims, rounds, asked, self.clock, self.health)

    def _policy(self, account: str, contract: str) -> Policy:
        """Return how a shipment is told as settings are now."""
        return self.publisher.terms.policy(account, contract)

    def _sweep(self) -> Sweep:
        expires_after = ages_policy(self.settings).expires_after
        accounts = self.settings.accounts
        return Sweep(self.database, self._policy, accounts, expires_after)

    def _sweeper(self) -> Sweeper:
        ages = Ages(self.database, ages_policy(self.settings))
        wake = self.publisher.wake
        return Sweeper(self.database, self._sweep(), ages, self.clock, wake=wake)


def nothing() -> None:
    """Do nothing: PostgreSQL's log holds what was cut until it is written over."""
