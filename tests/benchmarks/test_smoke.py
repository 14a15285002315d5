"""Every benchmark works; how fast the relay is, it does not matter here."""

from pathlib import Path

import pytest

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
