"""The demo's three traps of VTEX: what the record must show, and each way to fail."""

from dataclasses import replace
from typing import Any

import pytest

from relay.demo.evidence import Evidence, Package
from relay.demo.findings import THE_DEMO
from relay.demo.plan import DELIVERED, DemoCarrier, DemoShipment, Phase
from relay.demo.stories import STORIES, shipments
from relay.demo.traps import traps
from relay.demo.verdict import decide, unverified
from tests.system.ledger import NOW, Ledger, put

CARRIER = DemoCarrier("acme", {"picked_up": "PU", DELIVERED: "OK"})
TRAPS = {Phase.VANISHED, Phase.EXCHANGED, Phase.APPENDED}
PLAN = [s for s in shipments([CARRIER], NOW, STORIES) if TRAPS & set(s.steps)]
VANISHED, EXCHANGED, APPENDED = PLAN


def first_updates(ledger: Ledger, shipment: DemoShipment) -> None:
    """Record the number, the event of the label, and the first scan."""
    ledger.write(shipment, "patch", {"trackingNumber": shipment.boxes[0].number})
    ledger.write(shipment, "put", put([shipment.dispatched_at]))
    both = [shipment.dispatched_at, shipment.scans[0].occurred_at]
    ledger.write(shipment, "put", put(both))


def vanished(
    ledger: Ledger, *, fault: str, reads: int, repairs: int, last: int
) -> None:
    first_updates(ledger, VANISHED)
    ledger.call(VANISHED, "put", fault=fault)
    for _ in range(reads):
        ledger.call(VANISHED, "get")
    for _ in range(repairs):
        ledger.write(VANISHED, "put", put(VANISHED.shown_at, delivers=True))
    for _ in range(last):
        ledger.call(VANISHED, "get")


def exchanged(ledger: Ledger, *, refused: int, patches: int, puts: int) -> None:
    first_updates(ledger, EXCHANGED)
    for _ in range(refused):
        ledger.call(EXCHANGED, "put", answered=400)
    ledger.call(EXCHANGED, "get")
    new, number = EXCHANGED.shown_as, EXCHANGED.boxes[0].number
    for _ in range(patches):
        body = {"trackingNumber": number}
        ledger.write(EXCHANGED, "patch", body, invoice_number=new)
    for _ in range(puts):
        body = put(EXCHANGED.shown_at, delivers=True)
        ledger.write(EXCHANGED, "put", body, invoice_number=new)


def appended(ledger: Ledger, *, noticed: bool, later: int, full: bool) -> None:
    first_updates(ledger, APPENDED)
    if noticed:
        ledger.call(APPENDED, "get")
    events = APPENDED.shown_at if full else [APPENDED.scans[-1].occurred_at]
    for _ in range(later):
        ledger.write(APPENDED, "put", put(events, delivers=True))


RIGHT: dict[str, Any] = {
    "fault": "vanish", "reads": 2, "repairs": 1, "last": 1,
    "refused": 1, "patches": 1, "puts": 1,
    "noticed": True, "later": 1, "full": False,
}  # fmt: skip


def recorded(**changed: Any) -> Evidence:
    """Return the evidence of a run with the three traps."""
    given, ledger = RIGHT | changed, Ledger()
    for record, names in (
        (vanished, ("fault", "reads", "repairs", "last")),
        (exchanged, ("refused", "patches", "puts")),
        (appended, ("noticed", "later", "full")),
    ):
        record(ledger, **{name: given[name] for name in names})
    twice = {APPENDED.order_id: [APPENDED.dispatched_at]}
    packages = [
        Package(
            order_id=shipment.order_id,
            invoice_number=shipment.shown_as,
            number=shipment.boxes[0].number,
            finished=True,
            delivered_at=shipment.delivered_at,
            events=(*shipment.shown_at, *twice.get(shipment.order_id, ())),
        )
        for shipment in PLAN
    ]
    return Evidence(packages, ledger.calls, ledger.writes, [], [])


def failures(evidence: Evidence) -> set[tuple[str, str]]:
    """Return what failed, except for the disturbances of other stories."""
    failed = decide(PLAN, evidence).failed
    return {(f.order_id, f.reason) for f in failed if f.order_id != THE_DEMO}


def test_each_trap_is_a_line_with_its_calls() -> None:
    evidence = recorded()
    assert failures(evidence) == set()
    lines = [trap.line.partition(": ")[2] for trap in traps(PLAN, evidence)]
    old, new = EXCHANGED.invoice_number, EXCHANGED.shown_as
    assert "; ".join(lines).split("; ") == [
        "VTEX answered 200 to PUT #4 and stored nothing",
        "seen by GET #5, GET #6",
        "sent again by PUT #7",
        "verified by GET #8",
        f"invoice {old} became {new}",
        "VTEX answered 400 to PUT #12",
        "found by GET #13",
        f"sent to {new} by PATCH #14, PUT #15",
        "PUT #17, PUT #18 left 1 event(s) twice in VTEX",
        "noticed by GET #19",
        "1 later PUTs repeat none",
    ]


@pytest.mark.parametrize(
    ("changed", "shipment", "reason"),
    [
        ({"fault": None}, VANISHED, "no PUT vanished"),
        ({"reads": 1}, VANISHED, "sent again after 1 reads, expected 2"),
        ({"repairs": 0}, VANISHED, "sent again by 0 PUTs, expected 1"),
        ({"repairs": 2}, VANISHED, "sent again by 2 PUTs, expected 1"),
        ({"last": 0}, VANISHED, "what was sent again was not read"),
        ({"refused": 0}, EXCHANGED, "0 calls met the exchange, expected 1"),
        ({"refused": 2}, EXCHANGED, "2 calls met the exchange, expected 1"),
        ({"patches": 2}, EXCHANGED, "the new invoice got 2 PATCHs, expected 1"),
        ({"puts": 0}, EXCHANGED, "the new invoice got no PUT"),
        ({"noticed": False}, APPENDED, "not read between the second PUT and the next"),
        ({"later": 0}, APPENDED, "no PUT followed"),
        ({"full": True}, APPENDED, "1 later PUTs repeat an event"),
    ],
)
def test_a_trap_that_was_not_survived_fails(
    changed: dict[str, Any], shipment: DemoShipment, reason: str
) -> None:
    assert (shipment.order_id, reason) in failures(recorded(**changed))


def test_only_the_double_that_taught_the_append_is_accepted() -> None:
    evidence = recorded()
    again = evidence.packages[-1]
    more = replace(again, events=(*again.events, APPENDED.scans[-1].occurred_at))
    worse = replace(evidence, packages=[*evidence.packages[:-1], more])
    [(order, reason)] = failures(worse)
    assert order == APPENDED.order_id
    assert reason.startswith("duplicate event in VTEX")


def test_a_repair_that_the_relay_does_not_show_as_verified_fails() -> None:
    shown: dict[str, Any] = {
        s.order_id: {"verifiedAt": "2026-08-01T12:00:00Z"} for s in PLAN
    }
    assert list(unverified(PLAN, shown)) == []
    shown[VANISHED.order_id] = {"verifiedAt": None}
    [failed] = unverified(PLAN, shown)
    assert failed.order_id == VANISHED.order_id
