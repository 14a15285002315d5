"""The parts that send outgoing events, built from the settings."""

from relay.config.settings import Settings
from relay.health import Health
from relay.metrics import Metrics
from relay.outbound.milestone_recorder import MilestoneRecorder
from relay.outbound.publisher import Publisher
from relay.outgoing.dispatcher import Dispatcher
from relay.service.services import Services
from relay.store.database import Database
from relay.store.outgoing_claims import OutgoingClaims
from relay.store.outgoing_late import LateEvents


def dispatcher(services: Services, health: Health, metrics: Metrics) -> Dispatcher:
    """Make the loop that sends events to the configured receivers."""
    context = services.context
    return Dispatcher(
        OutgoingClaims(context.database),
        context.settings.outgoing,
        context.clock,
        health=health,
        on_outcome=metrics.count_outgoing,
    )


def recorder(publisher: Publisher, database: Database) -> MilestoneRecorder:
    """Make what records milestones while the publisher may not claim."""
    return MilestoneRecorder(
        database, lambda: publisher.terms, publisher.clock, publisher.health
    )


def late_events(settings: Settings, database: Database) -> LateEvents:
    """Make what tells receivers that shipments are late."""
    return LateEvents(database, settings.subscriptions, settings.accounts)
