"""The demo: its verdict can fail in every way it names, and the real one does not."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from relay.demo.evidence import (
    Evidence,
    Kill,
    Package,
    RecordedCall,
    ReportedComplaint,
    Webhook,
    Write,
)
from relay.demo.plan import DELIVERED, DemoShipment, Speaker
from relay.demo.promises import THE_DEMO, BrokenPromise, judge
from relay.demo.stories import Story, as_it_should, shipments, still_on_its_way

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CARRIER = Speaker("acme", {"picked_up": "PU", DELIVERED: "OK"})
PLAN = shipments(
    [CARRIER],
    NOW,
    [Story("delivered", 2, as_it_should), Story("on its way", 1, still_on_its_way)],
)
FIRST, SECOND_ONE, MOVING = PLAN
KILLED = NOW + timedelta(seconds=30)


class Ledger:
    """Writes calls down as the sandbox does, one a second."""

    def __init__(self) -> None:
        self.calls: list[RecordedCall] = []
        self.writes: list[Write] = []

    def call(
        self,
        shipment: DemoShipment,
        kind: str,
        fault: str | None = None,
        **changed: Any,
    ) -> RecordedCall:
        sequence = len(self.calls) + 1
        at = NOW + sequence * SECOND
        call = RecordedCall(sequence, kind, shipment.order_id, at, fault, answered=200)
        call = replace(call, **changed)
        self.calls.append(call)
        return call

    def write(
        self, shipment: DemoShipment, kind: str, body: dict[str, Any], **changed: Any
    ) -> None:
        call = self.call(shipment, kind, **changed)
        self.writes.append(Write(call, shipment.invoice_number, body))


def put(instants: Iterable[datetime], *, delivers: bool = False) -> dict[str, Any]:
    events = [
        {"date": i.isoformat(), "description": "x", "city": "", "state": ""}
        for i in instants
    ]
    return {"isDelivered": delivers, "deliveredDate": None, "events": events}


def published(ledger: Ledger, shipment: DemoShipment) -> Package:
    """Tell VTEX of a shipment as the relay should; return what it shows then."""
    instants = [shipment.dispatched_at, *(s.occurred_at for s in shipment.scans)]
    ledger.call(shipment, "get")
    ledger.write(shipment, "patch", {"trackingNumber": shipment.boxes[0].number})
    ledger.write(shipment, "put", put(instants[:1]))
    ledger.write(shipment, "put", put(instants[:2]))
    if shipment.delivered_at:
        ledger.write(shipment, "put", put(instants, delivers=True))
    return Package(
        order_id=shipment.order_id,
        invoice_number=shipment.invoice_number,
        number=shipment.boxes[0].number,
        finished=shipment.delivered_at is not None,
        delivered_at=shipment.delivered_at,
        events=tuple(instants),
    )


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def kept(ledger: Ledger) -> Evidence:
    """Return what is seen when everything goes as it should, bad luck included."""
    packages = [published(ledger, shipment) for shipment in PLAN]
    ledger.call(FIRST, "get", fault="outage", answered=502)
    puts = [w for w in ledger.writes if w.call.kind == "put" and w.call.order_id]
    lost = replace(puts[2].call, fault="cut_after", answered="cut")
    caught = replace(puts[4].call, at=KILLED, answered=None)
    swap = {lost.sequence: lost, caught.sequence: caught}
    return Evidence(
        packages=packages,
        calls=[swap.get(c.sequence, c) for c in ledger.calls],
        writes=[
            replace(w, call=swap.get(w.call.sequence, w.call)) for w in ledger.writes
        ],
        complaints=[],
        webhooks=[
            Webhook(FIRST.order_id, forged=False, statuses=(200, 200)),
            Webhook(MOVING.order_id, forged=True, statuses=(401,)),
        ],
        kill=Kill(KILLED, timedelta(milliseconds=400)),
    )


def changed(evidence: Evidence, shipment: DemoShipment, **fields: Any) -> Evidence:
    """Return the same evidence with another package for *shipment*."""
    packages = [
        replace(p, **fields) if p.order_id == shipment.order_id else p
        for p in evidence.packages
    ]
    return replace(evidence, packages=packages)


def again(evidence: Evidence, index: int, **fields: Any) -> Evidence:
    """Return the same evidence with the write at *index* made once more."""
    write = evidence.writes[index]
    call = replace(write.call, sequence=900, at=NOW, fault=None, answered=200)
    repeated = replace(write, call=call, **fields)
    return replace(
        evidence,
        calls=[*evidence.calls, call],
        writes=[*evidence.writes, repeated],
    )


def test_a_history_without_a_fault_breaks_no_promise(kept: Evidence) -> None:
    verdict = judge(PLAN, kept)
    assert verdict.broken == ()
    assert verdict.excused == ()


BROKEN: dict[str, tuple[Callable[[Evidence], Evidence], DemoShipment, str]] = {
    "the order is gone": (
        lambda e: replace(e, packages=e.packages[1:]),
        FIRST,
        "VTEX has no such order",
    ),
    "no number": (
        lambda e: changed(e, FIRST, number=None),
        FIRST,
        "its tracking number RL000000001BR is missing",
    ),
    "another number": (
        lambda e: changed(e, FIRST, number="RL1"),
        FIRST,
        "its tracking number is RL000000001BR, VTEX has RL1",
    ),
    "delivered by mistake": (
        lambda e: changed(e, MOVING, finished=True),
        MOVING,
        "it was never delivered, and VTEX was told so",
    ),
    "not delivered": (
        lambda e: changed(e, FIRST, finished=False),
        FIRST,
        "it was delivered, and VTEX does not know",
    ),
    "delivered at another time": (
        lambda e: changed(e, FIRST, delivered_at=None),
        FIRST,
        "it was delivered at 2026-08-01 10:01 UTC, VTEX has without a date",
    ),
    "a scan lost": (
        lambda e: changed(e, MOVING, events=e.packages[2].events[:1]),
        MOVING,
        "VTEX does not show what happened at 2026-07-30 18:01 UTC",
    ),
    "a scan twice": (
        lambda e: changed(e, MOVING, events=e.packages[2].events * 2),
        MOVING,
        "VTEX shows twice at 2026-07-30 12:00 UTC",
    ),
    "an older parcel's scan": (
        lambda e: changed(e, MOVING, events=(NOW, *e.packages[2].events)),
        MOVING,
        "VTEX shows what is not this parcel's: at 2026-08-01 12:00 UTC",
    ),
    "announced twice": (
        lambda e: again(e, 0),
        FIRST,
        "its number was told again",
    ),
    "published twice": (
        lambda e: again(e, 6),
        SECOND_ONE,
        "a call told nothing new",
    ),
    "taken back": (
        lambda e: again(e, 3, body=put([NOW])),
        FIRST,
        "its delivery was taken back",
    ),
    "a stranger": (
        lambda e: again(e, 0, invoice_number="7"),
        FIRST,
        "nobody knows its invoice 7",
    ),
    "a complaint": (
        lambda e: replace(
            e, complaints=[ReportedComplaint(1, FIRST.order_id, "unsorted", "words")]
        ),
        FIRST,
        "VTEX complains (unsorted): words",
    ),
    "a forgery taken": (
        lambda e: replace(
            e, webhooks=[Webhook(MOVING.order_id, forged=True, statuses=(200,))]
        ),
        MOVING,
        "a forged webhook was answered with 200",
    ),
    "a webhook refused": (
        lambda e: replace(
            e,
            webhooks=[
                *e.webhooks,
                Webhook(FIRST.order_id, forged=False, statuses=(200, 500, None)),
            ],
        ),
        FIRST,
        "a webhook was answered with 500, None",
    ),
    "a webhook never sent": (
        lambda e: replace(
            e,
            webhooks=[*e.webhooks, Webhook(FIRST.order_id, forged=False, statuses=())],
        ),
        FIRST,
        "a webhook was answered with no call",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_named_with_its_order(kept: Evidence, name: str) -> None:
    breaks, shipment, reason = BROKEN[name]
    assert BrokenPromise(shipment.order_id, reason) in judge(PLAN, breaks(kept)).broken


def without_fault(evidence: Evidence, fault: str) -> Evidence:
    calls = [replace(c, fault=None) if c.fault == fault else c for c in evidence.calls]
    return replace(evidence, calls=calls)


@pytest.mark.parametrize(
    ("reason", "spoils"),
    [
        ("no call met the outage", lambda e: without_fault(e, "outage")),
        ("no answer was lost", lambda e: without_fault(e, "cut_after")),
        ("no write was in flight at the kill", lambda e: replace(e, kill=None)),
        (
            "no write was in flight at the kill",
            lambda e: replace(e, kill=replace(e.kill, at=KILLED + SECOND)),
        ),
        ("no webhook was forged", lambda e: replace(e, webhooks=e.webhooks[:1])),
    ],
)
def test_bad_luck_that_did_not_happen_proves_nothing(
    kept: Evidence, reason: str, spoils: Callable[[Evidence], Evidence]
) -> None:
    assert judge(PLAN, spoils(kept)).broken == (BrokenPromise(THE_DEMO, reason),)


@pytest.mark.parametrize(
    ("fault", "because"),
    [
        ({"fault": "cut_after"}, "answer lost"),
        ({"fault": "outage"}, "met the outage"),
        ({"at": KILLED - SECOND / 2}, "in flight at the kill"),
    ],
)
def test_what_is_told_again_after_a_lost_answer_is_excused_and_named(
    kept: Evidence, fault: dict[str, Any], because: str
) -> None:
    first = kept.writes[0]
    disturbed = replace(first, call=replace(first.call, **fault))
    evidence = again(replace(kept, writes=[disturbed, *kept.writes[1:]]), 0)
    verdict = judge(PLAN, evidence)
    assert verdict.broken == ()
    reason = f"its number was told again, the call before: {because}"
    assert verdict.excused == (BrokenPromise(FIRST.order_id, reason),)


def test_a_lost_answer_excuses_one_repetition_and_no_second(kept: Evidence) -> None:
    twice = again(again(kept, 3), 3)
    assert (
        BrokenPromise(FIRST.order_id, "a call told nothing new")
        in judge(PLAN, twice).broken
    )


def test_a_complaint_about_a_disturbed_call_is_excused(kept: Evidence) -> None:
    lost = next(c for c in kept.calls if c.fault == "cut_after")
    complaint = ReportedComplaint(lost.sequence, FIRST.order_id, "two-at-once", "words")
    assert judge(PLAN, replace(kept, complaints=[complaint])).broken == ()


@pytest.mark.slow
def test_the_real_demo_keeps_every_promise(tmp_path: Path) -> None:
    """Two processes, both doors, an outage, a lost answer and a kill."""
    ran = subprocess.run(
        [sys.executable, "-m", "relay", "demo"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "1000", "RELAY_LISTEN": "another relay's"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Every promise was kept" in ran.stdout
    assert re.search(r"Events by door: \d+ by webhook, \d+ by poll\n", ran.stdout)
    for disturbance in ("answer lost", "met the outage", "in flight at the kill"):
        assert f"  {disturbance}: " in ran.stdout
