"""The demo: each of its checks can fail, and the real demo passes them all."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay.demo.evidence import Evidence, Kill, Package, Webhook
from relay.demo.findings import THE_DEMO, FailedCheck
from relay.demo.plan import DELIVERED, DemoCarrier, DemoShipment
from relay.demo.stories import Story, in_transit, regular, shipments
from relay.demo.verdict import decide
from relay.sandbox.records import Complaint
from tests.system.ledger import NOW, SECOND, Ledger, put

CARRIER = DemoCarrier("acme", {"picked_up": "PU", DELIVERED: "OK"})
PLAN = shipments(
    [CARRIER],
    NOW,
    [Story("delivered", 2, regular), Story("in transit", 1, in_transit)],
)
FIRST, SECOND_ONE, MOVING = PLAN
MOST_SECONDS = 120
KILLED = NOW + timedelta(seconds=30)


def published(ledger: Ledger, shipment: DemoShipment) -> Package:
    """Record a shipment's calls as the relay makes them; return what VTEX shows."""
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
    """Return the evidence of a run that passes, disturbances included."""
    packages = [published(ledger, shipment) for shipment in PLAN]
    ledger.call(FIRST, "get", fault="outage", answered=502)
    puts = [c for c in ledger.calls if c.kind == "put"]
    lost = replace(puts[2], fault="cut_after", answered="cut")
    caught = replace(puts[4], at=KILLED, answered=None)
    swap = {lost.sequence: lost, caught.sequence: caught}
    return Evidence(
        packages=packages,
        calls=[swap.get(c.sequence, c) for c in ledger.calls],
        writes=ledger.writes,
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
    first = next(c for c in evidence.calls if c.sequence == write.call)
    sequence = 900 + len(evidence.calls)
    call = replace(first, sequence=sequence, at=NOW, fault=None, answered=200)
    repeated = replace(write, call=sequence, **fields)
    return replace(
        evidence,
        calls=[*evidence.calls, call],
        writes=[*evidence.writes, repeated],
    )


def complaint_about(call: int, rule: str) -> Complaint:
    return Complaint(
        sequence=1,
        call=call,
        at=NOW,
        account="demo",
        order_id=FIRST.order_id,
        kind="put",
        rule=rule,
        message="words",
        refused=False,
    )


def test_a_run_without_faults_passes_every_check(kept: Evidence) -> None:
    verdict = decide(PLAN, kept)
    assert verdict.failed == ()
    assert verdict.excused == ()


FAILURES: dict[str, tuple[Callable[[Evidence], Evidence], DemoShipment, str]] = {
    "the order is gone": (
        lambda e: replace(e, packages=e.packages[1:]),
        FIRST,
        "VTEX has no such order",
    ),
    "no number": (
        lambda e: changed(e, FIRST, number=None),
        FIRST,
        "trackingNumber: missing, expected RL000000014BR",
    ),
    "another number": (
        lambda e: changed(e, FIRST, number="RL1"),
        FIRST,
        "trackingNumber: RL1, expected RL000000014BR",
    ),
    "delivered by mistake": (
        lambda e: changed(e, MOVING, finished=True),
        MOVING,
        "delivered in VTEX, but the carrier never delivered it",
    ),
    "not delivered": (
        lambda e: changed(e, FIRST, finished=False),
        FIRST,
        "not delivered in VTEX, but the carrier delivered it",
    ),
    "delivered at another time": (
        lambda e: changed(e, FIRST, delivered_at=None),
        FIRST,
        "deliveredDate: none, expected 2026-08-01 10:01 UTC",
    ),
    "a scan lost": (
        lambda e: changed(e, MOVING, events=e.packages[2].events[:1]),
        MOVING,
        "event missing in VTEX: 2026-07-30 18:01 UTC",
    ),
    "a scan twice": (
        lambda e: changed(e, MOVING, events=e.packages[2].events * 2),
        MOVING,
        "duplicate event in VTEX: 2026-07-30 12:00 UTC",
    ),
    "an older parcel's scan": (
        lambda e: changed(e, MOVING, events=(NOW, *e.packages[2].events)),
        MOVING,
        "unexpected event in VTEX: 2026-08-01 12:00 UTC",
    ),
    "number sent twice": (
        lambda e: again(e, 0),
        FIRST,
        "the tracking number was sent twice",
    ),
    "published twice": (
        lambda e: again(e, 6),
        SECOND_ONE,
        "a PUT had no new event",
    ),
    "taken back": (
        lambda e: again(e, 3, body=put([NOW])),
        FIRST,
        "isDelivered: false after true",
    ),
    "a stranger": (
        lambda e: again(e, 0, invoice_number="7"),
        FIRST,
        "write for an unknown invoice 7",
    ),
    "a complaint": (
        lambda e: replace(e, complaints=[complaint_about(1, "unsorted")]),
        FIRST,
        "VTEX's rule unsorted: words",
    ),
    "a forgery taken": (
        lambda e: replace(
            e, webhooks=[Webhook(MOVING.order_id, forged=True, statuses=(200,))]
        ),
        MOVING,
        "forged webhook answered with 200",
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
        "webhook answered with 500, None",
    ),
    "a webhook never sent": (
        lambda e: replace(
            e,
            webhooks=[*e.webhooks, Webhook(FIRST.order_id, forged=False, statuses=())],
        ),
        FIRST,
        "webhook answered with nothing",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_check_names_its_order(kept: Evidence, name: str) -> None:
    breaks, shipment, reason = FAILURES[name]
    assert FailedCheck(shipment.order_id, reason) in decide(PLAN, breaks(kept)).failed


def without_fault(evidence: Evidence, fault: str) -> Evidence:
    calls = [replace(c, fault=None) if c.fault == fault else c for c in evidence.calls]
    return replace(evidence, calls=calls)


@pytest.mark.parametrize(
    ("reason", "spoils"),
    [
        ("no call hit the outage", lambda e: without_fault(e, "outage")),
        ("no response was lost", lambda e: without_fault(e, "cut_after")),
        ("no write was in flight at the kill", lambda e: replace(e, kill=None)),
        (
            "no write was in flight at the kill",
            lambda e: replace(e, kill=replace(e.kill, at=KILLED + SECOND)),
        ),
        ("no webhook was forged", lambda e: replace(e, webhooks=e.webhooks[:1])),
    ],
)
def test_a_disturbance_that_did_not_happen_is_a_failed_check(
    kept: Evidence, reason: str, spoils: Callable[[Evidence], Evidence]
) -> None:
    assert decide(PLAN, spoils(kept)).failed == (FailedCheck(THE_DEMO, reason),)


@pytest.mark.parametrize(
    ("fault", "because"),
    [
        ({"fault": "cut_after"}, "response lost"),
        ({"fault": "outage"}, "hit the outage"),
        ({"at": KILLED - SECOND / 2}, "in flight at the kill"),
    ],
)
def test_a_repetition_after_a_disturbance_is_excused_and_named(
    kept: Evidence, fault: dict[str, Any], because: str
) -> None:
    first = kept.writes[0].call
    calls = [replace(c, **fault) if c.sequence == first else c for c in kept.calls]
    evidence = again(replace(kept, calls=calls), 0)
    verdict = decide(PLAN, evidence)
    assert verdict.failed == ()
    reason = f"the tracking number was sent twice; the previous call: {because}"
    assert verdict.excused == (FailedCheck(FIRST.order_id, reason),)


def test_a_lost_answer_excuses_one_repetition_and_no_second(kept: Evidence) -> None:
    twice = again(again(kept, 3), 3)
    assert (
        FailedCheck(FIRST.order_id, "a PUT had no new event")
        in decide(PLAN, twice).failed
    )


def test_a_complaint_about_a_disturbed_call_is_excused(kept: Evidence) -> None:
    lost = next(c for c in kept.calls if c.fault == "cut_after")
    complaint = complaint_about(lost.sequence, "two-at-once")
    assert decide(PLAN, replace(kept, complaints=[complaint])).failed == ()


@pytest.mark.slow
def test_the_real_demo_passes_every_check_and_stays_for_a_visit(tmp_path: Path) -> None:
    """Two processes, both channels, an outage, a lost response and a kill."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "relay", "demo", "--keep"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "1000", "RELAY_LISTEN": "another relay's"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killer = threading.Timer(170, demo.kill)
    killer.start()
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    said = "".join(lines)
    try:
        [console] = re.findall(r"The console: (\S+)", said) or pytest.fail(said)
        page = asyncio.run(visited(console, said))
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(30)
        demo.stdout.close()
        killer.cancel()
        assert code == 0, said
    [seconds] = re.findall(r"All checks passed: \d+ shipments in (\d+) s", said)
    assert int(seconds) < MOST_SECONDS
    assert "retry requested" in page
    assert re.search(r"Events by channel: \d+ by webhook, \d+ by poll\n", said)
    for trap in ("delivery vanishes", "invoice exchanged", "account appends"):
        assert re.search(rf"  {trap} \(\d+-01\): .* GET #\d+", said)
    assert re.search(r"Order \d+-01 is stuck: VTEX answered 200", said)
    for disturbance in ("response lost", "hit the outage", "in flight at the kill"):
        assert f"  {disturbance}: " in said


async def visited(console: str, said: str) -> str:
    """Sign in with the password that was printed, and repair the stuck parcel.

    Return its page, once it says that VTEX shows the delivery.
    """
    [password] = re.findall(r"with the password (\S+)", said)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(console, cookie_jar=jar) as session:
        form = {"name": "demo", "password": password}
        assert "1</strong>" in await answered(session.post("sign-in", data=form))
        stuck = await answered(session.get("lists/stuck"))
        [retry] = re.findall(r'href="/console/(shipments/[\w-]+/retry)"', stuck)
        [csrf] = re.findall(r'name="csrf" value="(.*?)"', stuck)[:1]
        form = {"csrf": csrf, "reason": "VTEX works again"}
        page = await answered(session.post(retry, data=form))
        async with asyncio.timeout(30):
            while "VTEX shows it since" not in page:
                await asyncio.sleep(0.2)
                page = await answered(session.get(retry.removesuffix("/retry")))
    return page


async def answered(request: Any) -> str:
    """Return the page that a request leads to."""
    async with request as answer:
        text: str = await answer.text()
        assert answer.ok, text
        return text
