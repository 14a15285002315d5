"""Every benchmark works; how fast things are is not asked here."""

from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, measured
from tests.benchmarks.plan import Plan


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    plan = Plan(tmp_path, seconds=0.05, rounds=1, shipments=20, fastest=2_000)
    results = await measured(plan, [name])
    assert results
    assert all(r.relay > 0 for r in results)
