"""Measure the relay against its ceilings: `python -m tests.benchmarks`."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from relay import logs
from relay.runtime.serve import loop_factory
from tests.benchmarks import (
    bursts,
    intake,
    labels,
    latency,
    polling,
    publishing,
    reading,
    whole,
)
from tests.benchmarks.measuring import Result, environment, table
from tests.benchmarks.plan import Plan
from tests.benchmarks.servers import as_served

Benchmark = Callable[[Plan], Awaitable[Result | list[Result]]]

WIDE: Final = 160
"""Columns of a table that goes into a pipe or a file."""

BENCHMARKS: Final[dict[str, tuple[Benchmark, ...]]] = {
    "whole": (whole.published,),
    "intake": (intake.keeping, intake.keeping_and_reading),
    "reading": (reading.backlog,),
    "labels": (labels.one_by_one, labels.in_bulk),
    "publishing": (publishing.puts,),
    "bursts": (bursts.calls,),
    "latency": (latency.at_steady_rates,),
    "polling": (polling.asking, polling.scheduling),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that are asked for; print a table, write a file."""
    asked = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    with (
        tempfile.TemporaryDirectory(prefix="relay-benchmarks-") as folder,
        (Path(folder) / "relay.log").open("w", encoding="utf-8") as log,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        logs.configure(layout="json", stream=log)
        plan = Plan(Path(folder), asked.seconds, asked.rounds, asked.shipments)
        results = runner.run(measured(plan, asked.only, console))
        loop = type(runner.get_loop()).__module__
    console.print(table(results))
    if asked.json:
        found = environment(loop) | {"results": [r.as_json() for r in results]}
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


async def measured(
    plan: Plan, names: Sequence[str], console: Console | None = None
) -> list[Result]:
    """Run the benchmarks called *names*, one after the other."""
    results: list[Result] = []
    for name in names:
        for benchmark in BENCHMARKS[name]:
            found = await benchmark(plan)
            results += found if isinstance(found, list) else [found]
            if console is not None:
                console.print(f"{results[-1].name}: done")
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "--only",
        type=_names,
        default=list(BENCHMARKS),
        help=f"some of {','.join(BENCHMARKS)}",
    )
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--shipments", type=int, default=5_000, help="in the store")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = ", ".join(n for n in names if n not in BENCHMARKS)
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no benchmark called {unknown}")
    return names


if __name__ == "__main__":
    as_served()
    main()
