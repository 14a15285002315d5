"""What asking costs: 10,000 open parcels, and a few due ones among a million."""

import resource
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import ClientSession

from relay.clock import micros, utcnow
from relay.config.settings import Settings
from relay.domain.poll_schedule import Intervals, Next
from relay.runtime.assemble import assemble
from relay.sandbox.server import serve_sandbox
from relay.store.due_polls import Allowance
from relay.store.poll_claims import PollKind, PollSucceeded, PollTarget
from relay.store.polls import PollClaims
from relay.store.sqlite import SqliteDatabase
from tests.benchmarks.measuring import Pair, Result, Run, compared
from tests.benchmarks.plan import Plan

CONTRACT: Final = "post"
DUE: Final = 1_000
BATCH: Final = 50
KIB: Final = 1024

SEED: Final = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO shipments (shipment, id, account, order_id, invoice_number, contract,
                           volumes, registered_at)
    SELECT i, i, 'store', 'O-' || i, '1', 'post', 1, :now FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO reference_values (reference, contract, kind, value)
    SELECT i, 'post', 'tracking_number', printf('BR%09dBR', i) FROM n;
    INSERT INTO parcel_references (reference, shipment, volume, given, registered_at)
    SELECT reference, reference, 1, value, :now FROM reference_values;
    INSERT INTO parcels (shipment, volume, contract, tracking_number, registered_at)
    SELECT reference, 1, 'post', value, :now FROM reference_values;
    INSERT INTO parcel_polls (shipment, contract, volume, tracking_number,
                              registered_at, poll_at)
    SELECT reference, 'post', 1, value, :now,
           CASE WHEN reference <= :due THEN :now ELSE :later END
    FROM reference_values;
"""


async def asking(plan: Plan) -> Result:
    """Ask the sandbox's post for every open parcel, beside a bare client."""
    folder = plan.fresh("polling")
    parcels = plan.open_parcels
    await _seed(folder, parcels, due=parcels)
    async with serve_sandbox() as url:
        home = f"{url}/carriers/correios"
        ceiling = await _bare(home, parcels)
        before = _peak()
        async with assemble(_settings(folder, home)) as relay:
            began, cpu = time.perf_counter(), time.process_time()
            await relay.poller.settle_all()
            taken, used = time.perf_counter() - began, time.process_time() - cpu
        grown = (_peak() - before) / KIB
    pair = Pair(Run(parcels / taken, used / parcels * 1e6), ceiling)
    context = {"MiB grown": grown}
    return compared("asking for open parcels", "parcels/s", [pair], "", context)


async def scheduling(plan: Plan) -> Result:
    """Claim and settle what is due, of few parcels stored and of very many."""
    few, many = plan.open_parcels, plan.stored_parcels
    due = min(DUE, few)
    small = await _scheduled(plan.fresh("few"), few, due)
    large = await _scheduled(plan.fresh("many"), many, due)
    name = f"scheduling {due:,} polls of {many:,} parcels to {few:,}"
    return compared(name, "CPU ms", [Pair(large, small)], "≤ 2")


async def _scheduled(folder: Path, stored: int, due: int) -> Run:
    """Measure the CPU of scheduling so many due parcels."""
    now = await _seed(folder, stored, due=due)
    database = SqliteDatabase(folder / "relay.db")
    await database.open(serving=True)
    claims, plan = PollClaims(database), Intervals().plan
    allowance = Allowance(spacing=timedelta(0))
    asks = frozenset({PollKind.POLL})
    calling = PollTarget(CONTRACT, asks, plan, allowance, BATCH)
    await claims.begin([CONTRACT], now)
    began, asked = time.process_time(), 0
    while await claims.ready([calling], now):
        claim = await claims.claim(calling, now)
        assert claim is not None
        nexts = [Next(now + timedelta(hours=3))] * len(claim.parcels)
        await claims.answered(PollSucceeded(claim, now, now), nexts)
        asked += len(claim.parcels)
    used = time.process_time() - began
    await database.close()
    assert asked == due
    return Run(used * 1000)


async def _bare(home: str, parcels: int) -> Run:
    """Ask for the same parcels with nothing but a client."""
    headers = {"Authorization": "Bearer cws-ch", "Accept-Language": "pt-BR"}
    began, cpu = time.perf_counter(), time.process_time()
    async with ClientSession(headers=headers) as session:
        for start in range(0, parcels, BATCH):
            query = [
                ("codigosObjetos", f"BR{n:09}BR") for n in range(start, start + BATCH)
            ]
            address = f"{home}/srorastro/v1/objetos"
            async with session.get(address, params=query) as answer:
                await answer.json()
    taken, used = time.perf_counter() - began, time.process_time() - cpu
    return Run(parcels / taken, used / parcels * 1e6)


async def _seed(folder: Path, count: int, *, due: int) -> datetime:
    """Store parcels, so many of them due; return the time of that."""
    path, now = folder / "relay.db", utcnow()
    database = SqliteDatabase(path, synchronous="OFF")
    await database.open()
    await database.close()
    connection = sqlite3.connect(path)
    later = micros(now + timedelta(hours=1))
    values = {"count": count, "due": due, "now": micros(now), "later": later}
    for statement in SEED.split(";")[:-1]:
        connection.execute(statement, values)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return now


def _settings(folder: Path, home: str) -> Settings:
    store = {"app_key": "k", "app_token": "t"}
    post = {"adapter": "correios", "secret": "cws-ch", "base_url": home}
    return Settings.model_validate(
        {
            "database": f"sqlite:///{folder / 'relay.db'}",
            "accounts": {"store": store},
            "contracts": {CONTRACT: post | {"poll_spacing_seconds": 0}},
        }
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
