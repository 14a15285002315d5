"""Three of VTEX's traps: a 200 without effect, an exchanged invoice, an append; pure.

Each is checked by the calls that the sandbox recorded, in their order.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from relay.demo.evidence import VANISHED, Evidence
from relay.demo.findings import FailedCheck, TrapResult
from relay.demo.plan import DemoShipment, Phase
from relay.sandbox.records import AcceptedWrite, Call
from relay.sandbox.times import instant

TWICE: Final = 2
"""How many reads must show a difference, and how many PUTs teach the append."""


def traps(plan: Sequence[DemoShipment], evidence: Evidence) -> list[TrapResult]:
    """Return what the record shows of each planned trap."""
    return [
        TrapResult(
            f"{shipment.story} ({shipment.order_id}): {text}",
            tuple(FailedCheck(shipment.order_id, reason) for reason in failed),
        )
        for phase, check in _CHECKS.items()
        for shipment in plan
        if phase in shipment.steps
        for text, failed in [check(shipment, evidence)]
    ]


def repeated_unnoticed(shipment: DemoShipment, evidence: Evidence) -> Counter[datetime]:
    """Count the events that the second PUT repeated where an account appends.

    Those doubles cannot be avoided: they are how the relay learns of it.
    """
    if Phase.APPENDED not in shipment.steps:
        return Counter()
    puts = _puts(evidence, shipment.order_id)[:TWICE]
    return Counter(_instants(puts[0]) & _instants(puts[1])) if puts[1:] else Counter()


def _vanished(shipment: DemoShipment, evidence: Evidence) -> tuple[str, list[str]]:
    """Check that a PUT without effect was noticed, repaired once and read again."""
    calls = _calls(evidence, shipment.order_id)
    lost = next((call for call in calls if call.fault == VANISHED), None)
    if lost is None:
        return "did not happen", ["no PUT vanished"]
    later = _between(calls, lost.sequence)
    repairs = [call for call in later if call.kind == "put"]
    repaired = repairs[0].sequence if repairs else None
    seen = [c for c in _between(calls, lost.sequence, repaired) if c.kind == "get"]
    after = [call for call in later if call.kind == "get" and call not in seen]
    text = (
        f"VTEX answered {lost.answered} to {_named([lost])} and stored nothing; seen "
        f"by {_named(seen)}; sent again by {_named(repairs)}; verified by "
        f"{_named(after)}"
    )
    return text, _unmet(
        {
            f"sent again by {len(repairs)} PUTs, expected 1": len(repairs) == 1,
            f"sent again after {len(seen)} reads, expected 2": len(seen) >= TWICE,
            "what was sent again was not read": bool(after),
        }
    )


def _exchanged(shipment: DemoShipment, evidence: Evidence) -> tuple[str, list[str]]:
    """Check that the new invoice got number and events, and the old one no more."""
    calls = [c for c in _calls(evidence, shipment.order_id) if c.fault is None]
    old, new = shipment.invoice_number, shipment.shown_as
    refused = [c for c in calls if c.invoice_number == old and not c.carried_out]
    sent = [c for c in calls if c.invoice_number == new and c.carried_out]
    kinds = [call.kind for call in sent]
    met, followed = (found[0].sequence if found else 0 for found in (refused, sent))
    read = [c for c in _between(calls, met, followed) if c.kind == "get"]
    text = (
        f"invoice {old} became {new}; VTEX answered "
        f"{refused[0].answered if refused else 'nothing'} to {_named(refused)}; found "
        f"by {_named(read)}; sent to {new} by {_named(sent)}"
    )
    return text, _unmet(
        {
            f"{len(refused)} calls met the exchange, expected 1": len(refused) == 1,
            f"the new invoice got {kinds.count('patch')} PATCHs, expected 1": (
                kinds.count("patch") == 1
            ),
            "the new invoice got no PUT": "put" in kinds,
        }
    )


def _appended(shipment: DemoShipment, evidence: Evidence) -> tuple[str, list[str]]:
    """Check that the account was read after two PUTs, and no later one repeats."""
    puts = [
        write
        for write in evidence.writes
        if (write.account, write.kind) == (shipment.account, "put")
    ]
    first, later = puts[:TWICE], puts[TWICE:]
    doubles = repeated_unnoticed(shipment, evidence).total()
    calls = _calls(evidence, shipment.order_id)
    taught = [call for call in calls if call.sequence in [w.call for w in first]]
    since = first[-1].call if first else 0
    noticed = _between(calls, since, later[0].call if later else None)
    read = [call for call in noticed if call.kind == "get"]
    again = sum(_repeats(write, puts) for write in later)
    text = (
        f"{_named(taught)} left {doubles} event(s) twice in VTEX; noticed by "
        f"{_named(read)}; {len(later)} later PUTs repeat none"
    )
    return text, _unmet(
        {
            "no event was appended a second time": doubles > 0,
            "not read between the second PUT and the next": bool(read),
            "no PUT followed": bool(later),
            f"{again} later PUTs repeat an event": not again,
        }
    )


_CHECKS: Final[
    dict[Phase, Callable[[DemoShipment, Evidence], tuple[str, list[str]]]]
] = {
    Phase.VANISHED: _vanished,
    Phase.EXCHANGED: _exchanged,
    Phase.APPENDED: _appended,
}


def _unmet(checks: dict[str, bool]) -> list[str]:
    return [reason for reason, met in checks.items() if not met]


def _calls(evidence: Evidence, order_id: str) -> list[Call]:
    found = [call for call in evidence.calls if call.order_id == order_id]
    return sorted(found, key=lambda call: call.sequence)


def _puts(evidence: Evidence, order_id: str) -> list[AcceptedWrite]:
    return [w for w in evidence.writes if (w.order_id, w.kind) == (order_id, "put")]


def _repeats(write: AcceptedWrite, puts: Sequence[AcceptedWrite]) -> bool:
    """Return whether an earlier PUT for the same invoice had an event of *write*."""
    return any(
        _instants(write) & _instants(earlier)
        for earlier in puts
        if earlier.call < write.call and earlier.order_id == write.order_id
    )


def _instants(write: AcceptedWrite) -> frozenset[datetime]:
    return frozenset(instant(event["date"]) for event in write.body["events"])


def _between(
    calls: Sequence[Call], after: int, before: int | None = None
) -> list[Call]:
    """Return the calls between two sequence numbers, to the last without *before*."""
    end = before if before is not None else float("inf")
    return [call for call in calls if after < call.sequence < end]


def _named(calls: Sequence[Call]) -> str:
    """Name calls by kind and number, as `GET /sandbox/calls` lists them."""
    return ", ".join(f"{c.kind.upper()} #{c.sequence}" for c in calls) or "no call"
