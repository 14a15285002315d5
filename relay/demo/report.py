"""The demo's output: progress by shipment while it runs, a table at the end."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from relay.demo.evidence import Evidence, Package
from relay.demo.findings import FailedCheck, Verdict
from relay.demo.plan import DemoShipment, Phase

COLUMNS: Final = 3
NOTHING: Final = "…"


class Progress(Protocol):
    """Shows the progress."""

    def begin(self, phase: Phase) -> None:
        """Show that *phase* begins."""
        ...

    def update(self, packages: Iterable[Package]) -> None:
        """Show the state of the shipments in VTEX."""
        ...


def state(package: Package) -> str:
    """Return the state of a shipment in VTEX, in a word or two."""
    if package.finished:
        return "delivered"
    if package.events:
        count = len(package.events)
        return "1 event" if count == 1 else f"{count} events"
    return "number sent" if package.number else NOTHING


class LineProgress:
    """Progress for files, pipes and logs: a line per change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, str] = {}

    def begin(self, phase: Phase) -> None:
        """Show that *phase* begins."""
        self._console.print(f"== {phase.value}")

    def update(self, packages: Iterable[Package]) -> None:
        """Print the shipments whose state has changed."""
        for package in packages:
            now = state(package)
            if now != self._states.get(package.order_id, NOTHING):
                self._states[package.order_id] = now
                self._console.print(f"{package.order_id}  {now}")


class LiveProgress:
    """Progress for a terminal: all shipments, redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._phases: list[Phase] = []
        self._packages: Sequence[Package] = ()

    def begin(self, phase: Phase) -> None:
        """Show that *phase* begins."""
        self._phases.append(phase)
        self._live.update(self._drawn())

    def update(self, packages: Iterable[Package]) -> None:
        """Redraw all shipments."""
        self._packages = tuple(packages)
        self._live.update(self._drawn())

    def _drawn(self) -> Group:
        lines = [Text(f"✓ {phase.value}", style="dim") for phase in self._phases[:-1]]
        lines += [Text(f"▸ {phase.value}", style="bold") for phase in self._phases[-1:]]
        grid = Table.grid(padding=(0, 3))
        cells = [_cell(package) for package in self._packages]
        rows = -(-len(cells) // COLUMNS)
        for row in range(rows):
            grid.add_row(*cells[row::rows])
        return Group(*lines, grid)


def _cell(package: Package) -> Text:
    now = state(package)
    style = "green" if package.finished else "cyan" if package.number else "dim"
    return Text(f"{package.order_id}  {now:<11}", style=style)


def result(plan: Sequence[DemoShipment], evidence: Evidence) -> Table:
    """Return the table of what VTEX received, order by order."""
    table = Table(title="What VTEX received", title_justify="left", box=None)
    table.padding = (0, 1, 0, 0)
    for name in ("order", "story", "number", "channel"):
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
    kinds = [w.kind for w in evidence.writes if w.order_id == order_id]
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
    """Return the disturbed calls, a line per kind of disturbance."""
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


def summary(verdict: Verdict, shipments: int, seconds: float) -> list[str]:
    """Return the outcome as lines of text, one per failed check."""
    excused = [f"Repeated: {_line(finding)}" for finding in verdict.excused]
    if not verdict.failed:
        passed = f"All checks passed: {shipments} shipments in {seconds:.0f} s."
        return [*excused, passed]
    count = len(verdict.failed)
    head = "1 check failed:" if count == 1 else f"{count} checks failed:"
    return [*excused, head, *(f"  {_line(f)}" for f in verdict.failed)]


def _line(finding: FailedCheck) -> str:
    return f"{finding.order_id}: {finding.reason}"
