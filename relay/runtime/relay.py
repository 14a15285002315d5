"""The composition root: builds the parts of one process from its settings."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, web

from relay.adapters.protocol import Carrier
from relay.api.application import application, probes
from relay.api.auth import check_tokens
from relay.api.process import Process
from relay.clock import Clock
from relay.config.seal import seals
from relay.config.settings import Settings
from relay.console.application import mount_console
from relay.discovery.discoverer import Discoverer
from relay.health import Health
from relay.inbound.adapter_thread import PARSE_LIMIT, Watchdog
from relay.inbound.code_applier import CodeApplier
from relay.inbound.intake import Intake
from relay.inbound.mapping_trial import MappingTrial
from relay.inbound.poll_calls import poll_targets
from relay.inbound.poller import Poller
from relay.inbound.reader import Reader, ReaderCallbacks
from relay.metrics import Metrics
from relay.outbound.publisher import Publisher
from relay.outbound.shadow import ShadowComparer
from relay.outgoing.dispatcher import Dispatcher
from relay.registration.contract_terms import reading_terms
from relay.runtime.account_states import notice_settings, shadow_accounts
from relay.runtime.alert_loops import AlertLoops
from relay.runtime.gate_monitor import GateMonitor
from relay.runtime.housekeeper import Housekeeper
from relay.runtime.mapping_watch import MappingWatch
from relay.runtime.monitors import monitor_loops
from relay.runtime.notifier import Notifier, Work
from relay.runtime.outgoing_parts import dispatcher, late_events, recorder
from relay.runtime.parts import intake_of, poller_of, publisher_of
from relay.runtime.roles import BOTH, Part
from relay.runtime.statistics_keeper import StatisticsKeeper
from relay.runtime.vtex_calls import InvoiceForwarder, TrackingReader
from relay.runtime.wiring import (
    InterpreterGuard,
    carriers,
    discovery_terms,
    event_pace,
    exit_hung,
    mapped_carrier,
    policies,
    publisher_terms,
    retention_policy,
)
from relay.runtime.worker_view import WorkerView, answers
from relay.service.context import ServiceContext, WakeCallbacks, do_nothing
from relay.service.damage import DamageLog
from relay.service.services import Services
from relay.store.accounts import Accounts
from relay.store.checkpoints import Checkpointer
from relay.store.code_mappings import MappedCodes
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.retention import Retention
from relay.store.sqlite import SqliteDatabase
from relay.store.sweep import Sweep
from relay.store.unread import ReaderTerms
from relay.vtex.client import VtexClient


@dataclass(slots=True)
class Relay:
    """The parts of one process; wires them, and reloads their settings.

    *part* says which of them run: a process with one role has the others, at rest.
    """

    settings: Settings
    clock: Clock
    carriers: dict[str, Carrier]
    database: Database
    vtex: VtexClient
    session: ClientSession
    part: Part = BOTH
    doctor: tuple[str, ...] = ()
    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)
    documents: Documents = field(init=False)
    publisher: Publisher = field(init=False)
    shadow: ShadowComparer = field(init=False)
    checkpointer: Checkpointer | None = field(init=False, default=None)
    reader: Reader = field(init=False)
    intake: Intake = field(init=False)
    housekeeper: Housekeeper = field(init=False)
    poller: Poller = field(init=False)
    notifier: Notifier = field(init=False)
    terms: ReaderTerms = field(init=False)
    watchdog: Watchdog = field(init=False)
    services: Services = field(init=False)
    discoverer: Discoverer = field(init=False)
    alerts: AlertLoops = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    mappings: MappingWatch = field(init=False)

    def __post_init__(self) -> None:
        self.vtex.shadow = shadow_accounts(self.settings)
        self.documents = Documents(self.database)
        self.mappings = MappingWatch(self.database, self._use_codes, self.health)
        self.terms = self._terms()
        guard = InterpreterGuard(2 * PARSE_LIMIT)
        self.watchdog = Watchdog(PARSE_LIMIT, exit_hung, guard.held)
        self.publisher = publisher_of(self)
        self.notifier = Notifier(self.database, self.part.channel)
        if isinstance(self.database, SqliteDatabase):
            self.checkpointer = Checkpointer(self.database, health=self.health)
        self.reader = self._reader()
        self.intake = intake_of(self)
        self.housekeeper = self._housekeeper()
        self.poller = poller_of(self)
        self.services = self._services()
        observed = (self.health, self.metrics.count_call)
        self.discoverer = Discoverer.build(self.vtex, self.services, *observed)
        self.discoverer.reload(discovery_terms(self.settings))
        parts = (self.database, self.vtex, self.publisher.terms, self.clock)
        self.shadow = ShadowComparer(*parts, *observed)
        watched = (self.settings, self.database, self.session, self.clock, self.health)
        self.alerts = AlertLoops(*watched, self.part)
        self.dispatcher = dispatcher(self.services, self.health, self.metrics)
        if self.part.works:
            self.notifier.here = {
                Work.DOCUMENTS: self.reader.wake,
                Work.SHIPMENTS: self.publisher.wake,
                Work.POLLS: self.poller.wake,
            }

    @property
    def alone(self) -> bool:
        """Whether no other process can publish from this database."""
        return isinstance(self.database, SqliteDatabase)

    @property
    def unclean(self) -> bool:
        """Whether the last process that parsed may have been killed."""
        if self.part.unclean is not None:
            return self.part.unclean
        return not isinstance(self.database, SqliteDatabase) or self.database.unclean

    def application(self) -> web.Application:
        """Make the HTTP server's application; a worker answers probes only."""
        channel = self.part.channel
        view = WorkerView(channel, self.health) if channel else None
        process = Process(self.health, self.metrics, view)
        if not self.part.receives:
            return probes(self.services, self.intake, process)
        app = application(self.services, self.intake, process, self.publisher.tracing)
        return mount_console(app, self.services, process, self.doctor)

    async def reload(
        self, settings: Settings, made: dict[str, Carrier] | None = None
    ) -> None:
        """Use other tokens, accounts and contracts, or more of them.

        *made* are the adapters, by default those that the contracts name. Raises
        `ConfigurationError` before anything is changed.
        """
        check_tokens(settings)
        mapped = self.mappings.current.of_contracts
        self.carriers.update(carriers(settings, mapped) if made is None else made)
        self.settings = settings
        self.terms.update(self._terms())
        self.vtex.shadow = shadow_accounts(settings)
        self.publisher.terms = self.shadow.terms = publisher_terms(settings)
        self._use_carriers()
        self.housekeeper.sweep = self._sweep()
        self.housekeeper.late = late_events(settings, self.database)
        self.services.reload(settings)
        self.alerts.reload(settings)
        self.discoverer.reload(discovery_terms(settings))
        self.dispatcher.reload(settings.outgoing)
        await notice_settings(settings, self.database, self.clock)
        self.publisher.wake()

    def _use_carriers(self) -> None:
        """Let every part use the present adapters."""
        contracts = self.settings.contracts
        self.intake.reload(self.carriers, contracts, seals(self.settings))
        self.reader.reload(self.carriers)
        self.poller.reload(poll_targets(contracts, self.carriers))

    async def _use_codes(self, found: MappedCodes) -> None:
        """Use *found*; only the adapters whose codes changed are made again."""
        old, new = self.mappings.current.of_contracts, found.of_contracts
        changed = {n for n in old.keys() | new.keys() if old.get(n) != new.get(n)}
        for name in sorted(changed & self.settings.contracts.keys()):
            self.carriers[name] = mapped_carrier(self.settings, name, new.get(name, {}))
        self._use_carriers()

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return the background loops of this process's role by name."""
        watched = (self.database, self.clock, self.health)
        loops = monitor_loops(*watched, self.settings.disk_free_mb)
        loops["code mappings"] = self.mappings.run()
        if self.part.works:
            loops |= self._work()
        loops |= self.alerts.coroutines()
        channel = self.part.channel
        if channel is not None:
            answering = answers(self.health, self.metrics)
            loops["channel"] = channel.run(self.notifier.wake, answering)
        return loops

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return the loops of a worker."""
        gates = GateMonitor(Accounts(self.database), self.clock, self.health)
        loops = {
            "reader": self.reader.run(),
            "code applier": self._code_applier().run(),
            "statistics": self._statistics().run(),
            "publisher": self.publisher.run(),
            "shadow": self.shadow.run(),
            "housekeeper": self.housekeeper.run(),
            "poller": self.poller.run(),
            "discoverer": self.discoverer.run(),
            "dispatcher": self.dispatcher.run(),
            "recorder": recorder(self.publisher, self.database).run(),
            "gates": gates.run(),
        }
        if self.checkpointer is not None:
            loops["checkpointer"] = self.checkpointer.run()
        return loops

    def _code_applier(self) -> CodeApplier:
        notify = self.notifier.documents
        return CodeApplier(self.database, self.clock, notify, self.health)

    def _statistics(self) -> StatisticsKeeper:
        def zones() -> dict[str, ZoneInfo]:
            return {n: c.zone for n, c in self.settings.contracts.items()}

        return StatisticsKeeper(self.database, zones, self.clock, self.health)

    def _terms(self) -> ReaderTerms:
        settings = self.settings
        return reading_terms(settings.contracts, self.carriers, event_pace(settings))

    def _services(self) -> Services:
        context = ServiceContext(
            settings=self.settings,
            carriers=self.carriers,
            database=self.database,
            terms=self.terms,
            clock=self.clock,
            wake=WakeCallbacks(
                self.notifier.shipments, self.notifier.documents, self.notifier.polls
            ),
            damage=DamageLog(self.metrics.count_damaged),
            forward=InvoiceForwarder(self.vtex, self.clock),
            read_tracking=TrackingReader(self.vtex, self.clock),
            try_mapping=MappingTrial(self.database, self.terms, self.clock),
            policies=policies,
        )
        return Services.build(context)

    def _reader(self) -> Reader:
        calls = ReaderCallbacks(
            on_events=self.notifier.shipments,
            # PostgreSQL truncates its log by itself.
            on_idle=self.checkpointer.burst_read if self.checkpointer else do_nothing,
            on_mappings=self.mappings.step,
        )
        return Reader(
            self.documents,
            self.carriers,
            self.clock,
            terms=self.terms,
            calls=calls,
            watchdog=self.watchdog,
            health=self.health,
            metrics=self.metrics,
            unclean=self.unclean,
        )

    def _sweep(self) -> Sweep:
        expires = retention_policy(self.settings).expires_after
        accounts, policy = self.settings.accounts, self.publisher.terms.policy
        return Sweep(self.database, policy, accounts, expires)

    def _housekeeper(self) -> Housekeeper:
        retention = Retention(self.database, retention_policy(self.settings))
        keeping = (self.database, self._sweep(), retention, self.clock)
        late, wake = late_events(self.settings, self.database), self.publisher.wake
        return Housekeeper(*keeping, wake=wake, health=self.health, late=late)
