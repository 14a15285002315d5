"""Log lines by which one follows a shipment on its way out."""

from collections.abc import Sequence

from relay.logs import logger
from relay.publisher.outcomes import Outcome
from relay.publisher.steps import Write
from relay.store.claimed import Change, Claim
from relay.telling.facts import Facts

log = logger(__name__)


def about(facts: Facts) -> dict[str, str]:
    """Return what lets one follow a shipment through the log."""
    known = {
        "account": facts.account,
        "order": facts.order_id,
        "invoice": facts.invoice_number,
        "contract": facts.contract,
    }
    if facts.announcement is not None:
        known["tracking_number"] = facts.announcement.tracking_number
    return known


def told(claim: Claim, write: Write) -> None:
    """Log what VTEX accepted."""
    delivered = write.is_delivered
    log.info("told", kind=write.kind, delivered=delivered, **about(claim.facts))


def not_through(claim: Claim, outcome: Outcome) -> None:
    """Log why a shipment did not get through, if it did not."""
    settlement = outcome.settlement
    if settlement is None or not settlement.failed:
        return
    word = "stuck" if settlement.stuck_because else "postponed"
    because = settlement.stuck_because or settlement.waiting_because
    log.warning(word, because=because, **about(claim.facts))


def held_back(claim: Claim, quarantines: Sequence[Change]) -> None:
    """Log which events wait for a person from now on."""
    for _, change in quarantines:
        if change["because"] is not None:
            event, because = change["event"], change["because"]
            log.warning(
                "quarantined",
                tracking_event=event,
                because=because,
                **about(claim.facts),
            )


def alert(facts: Facts, because: str) -> None:
    """Log what somebody should look at."""
    log.error("alert", because=because, **about(facts))
