"""The demo on a terminal: shipment by shipment while it runs, a table at the end."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from relay.demo.evidence import Evidence, Package
from relay.demo.plan import DemoShipment, Phase
from relay.demo.promises import BrokenPromise, Verdict

COLUMNS: Final = 3
NOTHING: Final = "…"


class Board(Protocol):
    """Where the progress is shown."""

    def begin(self, act: Phase) -> None:
        """Say what goes on from now on."""
        ...

    def look(self, packages: Iterable[Package]) -> None:
        """Show how the shipments stand in VTEX."""
        ...


def stands(package: Package) -> str:
    """Return how a shipment stands in VTEX, in a word or two."""
    if package.finished:
        return "delivered"
    if package.events:
        return f"{len(package.events)} events"
    return "announced" if package.number else NOTHING


class Lines:
    """A line for whatever changes: for files, pipes and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stands: dict[str, str] = {}

    def begin(self, act: Phase) -> None:
        """Say what goes on from now on."""
        self._console.print(f"== {act.value}")

    def look(self, packages: Iterable[Package]) -> None:
        """Print the shipments that stand otherwise than before."""
        for package in packages:
            now = stands(package)
            if now != self._stands.get(package.order_id, NOTHING):
                self._stands[package.order_id] = now
                self._console.print(f"{package.order_id}  {now}")


class RunningShipments:
    """A picture of all shipments that changes in its place: for a terminal."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._acts: list[Phase] = []
        self._packages: Sequence[Package] = ()

    def begin(self, act: Phase) -> None:
        """Say what goes on from now on."""
        self._acts.append(act)
        self._live.update(self._drawn())

    def look(self, packages: Iterable[Package]) -> None:
        """Draw the shipments as they stand now."""
        self._packages = tuple(packages)
        self._live.update(self._drawn())

    def _drawn(self) -> Group:
        acts = [Text(f"✓ {act.value}", style="dim") for act in self._acts[:-1]]
        acts += [Text(f"▸ {act.value}", style="bold") for act in self._acts[-1:]]
        grid = Table.grid(padding=(0, 3))
        cells = [_cell(package) for package in self._packages]
        rows = -(-len(cells) // COLUMNS)
        for row in range(rows):
            grid.add_row(*cells[row::rows])
        return Group(*acts, grid)


def _cell(package: Package) -> Text:
    now = stands(package)
    style = "green" if package.finished else "cyan" if package.number else "dim"
    return Text(f"{package.order_id}  {now:<10}", style=style)


def result(plan: Sequence[DemoShipment], evidence: Evidence) -> Table:
    """Return the table of what VTEX was told, order by order."""
    table = Table(title="What the sandbox was told", title_justify="left", box=None)
    table.padding = (0, 1, 0, 0)
    for name in ("order", "what happened to it", "number", "door"):
        table.add_column(name, no_wrap=True)
    for name in ("PATCH", "PUT", "events"):
        table.add_column(name, justify="right")
    table.add_column("done")
    packages = {p.order_id: p for p in evidence.packages}
    for shipment in plan:
        if shipment.order_id in packages:
            package = packages[shipment.order_id]
            table.add_row(*_row(shipment, package, evidence))
    return table


def _row(shipment: DemoShipment, package: Package, evidence: Evidence) -> list[str]:
    order_id = shipment.order_id
    channels = evidence.channels.get(order_id, ())
    kinds = [w.call.kind for w in evidence.writes if w.call.order_id == order_id]
    return [
        order_id,
        shipment.story,
        package.number or "",
        "both" if len(channels) > 1 else "".join(channels),
        str(kinds.count("patch")),
        str(kinds.count("put")),
        str(len(package.events)),
        "yes" if package.finished else "no",
    ]


def disturbed(evidence: Evidence) -> list[str]:
    """Name the calls that had bad luck, by what disturbed them."""
    found: dict[str, list[str]] = {}
    for call in evidence.calls:
        excuse = evidence.excuse(call)
        if excuse is not None:
            named = f"{call.kind.upper()} {call.order_id}"
            found.setdefault(excuse, []).append(named)
    return [
        f"{excuse}: {', '.join(dict.fromkeys(named))}"
        for excuse, named in found.items()
    ]


def sentences(verdict: Verdict, shipments: int, seconds: float) -> list[str]:
    """Return the outcome in words: a line for each broken promise."""
    excused = [f"Told again: {_spelled(finding)}" for finding in verdict.excused]
    if not verdict.broken:
        kept = f"Every promise was kept: {shipments} shipments in {seconds:.0f} s."
        return [*excused, kept]
    count = len(verdict.broken)
    head = "1 promise was broken:" if count == 1 else f"{count} promises were broken:"
    return [*excused, head, *(f"  {_spelled(f)}" for f in verdict.broken)]


def _spelled(finding: BrokenPromise) -> str:
    return f"{finding.order_id}: {finding.reason}"
