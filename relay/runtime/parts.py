"""Makes the larger parts of a process from what they share."""

from typing import TYPE_CHECKING

from relay.config.seal import seals
from relay.inbound.adapter_thread import AdapterThread
from relay.inbound.intake import Intake
from relay.inbound.poll_answers import AnswerReader
from relay.inbound.poll_calls import poll_targets
from relay.inbound.poller import LOOP as POLLER
from relay.inbound.poller import PollCallbacks, Poller, PollRounds
from relay.outbound.invoice_sender import InvoiceSender
from relay.outbound.publisher import Publisher
from relay.outbound.sender import Sender
from relay.runtime.wiring import publisher_terms
from relay.store.claims import Claims
from relay.store.invoice_claims import InvoiceClaims
from relay.store.polls import PollClaims

if TYPE_CHECKING:
    from relay.runtime.relay import Relay


def publisher_of(relay: "Relay") -> Publisher:
    """Make the publisher, with its senders."""
    claims, invoices = Claims(relay.database), InvoiceClaims(relay.database)
    return Publisher(
        claims,
        Sender(claims, relay.vtex, on_call=relay.metrics.count_call),
        InvoiceSender(invoices, relay.vtex, on_call=relay.metrics.count_call),
        publisher_terms(relay.settings),
        relay.clock,
        unread=claims.unread_since,
        on_failure=relay.metrics.count_planning_failure,
        health=relay.health,
    )


def intake_of(relay: "Relay") -> Intake:
    """Make the intake of webhooks."""
    return Intake(
        relay.documents,
        relay.carriers,
        relay.settings.contracts,
        relay.clock,
        limits=relay.settings.intake,
        seals=seals(relay.settings),
        health=relay.health,
        metrics=relay.metrics,
        on_stored=relay.notifier.documents,
    )


def poller_of(relay: "Relay") -> Poller:
    """Make the poller."""
    claims = PollClaims(relay.database)
    thread = AdapterThread(POLLER, relay.health, relay.watchdog)
    rounds = PollRounds(
        claims,
        relay.carriers,
        AnswerReader(relay.database, relay.clock, thread),
        relay.session,
        relay.intake.store_document,
        relay.clock,
        PollCallbacks(relay.metrics.count_poll, relay.notifier.documents),
    )
    targets = poll_targets(relay.settings.contracts, relay.carriers)
    return Poller(claims, rounds, targets, relay.clock, relay.health)
