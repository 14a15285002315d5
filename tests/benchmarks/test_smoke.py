"""Every benchmark works; how fast the relay is, it does not matter here."""

from pathlib import Path

import pytest

from tests.benchmarks import million
from tests.benchmarks.__main__ import BENCHMARKS, measured
from tests.benchmarks.plan import Plan

SMALL = {"shipments": 20, "fastest": 2_000, "open_parcels": 50, "stored_parcels": 500}


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
async def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    plan = Plan(tmp_path, seconds=0.05, rounds=1, **SMALL)
    results = await measured(plan, [name])
    assert results
    assert all(r.relay > 0 for r in results)


@pytest.mark.slow
async def test_every_page_is_measured_over_invented_shipments(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    million.fill(path, 400)
    found = [one async for one in million.measure(path, 400, rounds=1)]
    assert len(found) > len(million.pages(400))
    assert [one.path for one in found if one.status != 200] == []
