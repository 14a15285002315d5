"""`relay shipments import`: labels from a file that a spreadsheet saved."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli.options import Config, settings_of
from relay.cli.session import on_database
from relay.clock import utcnow
from relay.errors import InvalidLabel, RegistrationError

if TYPE_CHECKING:
    from relay.api.shipment_actions import BulkRegistration
    from relay.config.settings import Settings
    from relay.registration.csv_import import LabelTable
    from relay.service.models import BulkItem
    from relay.store.database import Database


Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken over: which, with which field, why, what to do."""

    row: Row
    field: str
    reason: str
    hint: str

    def __str__(self) -> str:
        about = f"{self.field}: " if self.field else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"line {self.row[0]}: refused: {about}{self.reason}{hint}"


def check_writable(path: Path) -> None:
    """Refuse to begin if the refused rows could not be written afterwards."""
    try:
        was_there = path.exists()
        with path.open("ab"):
            pass
    except OSError as error:
        raise InvalidLabel(
            f"{path} cannot be written ({error.strerror}), and refused rows go there",
            hint="name another file with --refused; nothing was imported",
        ) from None
    if not was_there:
        path.unlink()


def write_refused(path: Path, rows: "LabelTable", refusals: Iterable[Refusal]) -> None:
    """Write the rows as they were, with the reasons beside them."""
    from relay.registration.csv_import import ADDED

    kept = [i for i, name in enumerate(rows.header) if name not in ADDED]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=rows.delimiter)
        writer.writerow([*(rows.header[i] for i in kept), *ADDED])
        for refusal in refusals:
            line, cells = refusal.row
            own = [cells[i] if i < len(cells) else "" for i in kept]
            more = cells[len(rows.header) :]
            published = (refusal.field, refusal.reason, refusal.hint)
            writer.writerow([*own, line, *published, *more])


INPUT = Path("-")
EVERY = 100
"""Rows after which a line is written where nobody watches a bar."""


@dataclass(slots=True)
class Tally:
    """How many rows were new, known already, refused; what was warned of."""

    new: int = 0
    known: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


ForAccount = Annotated[str | None, typer.Option(help="For rows that name no account.")]
ForContract = Annotated[
    str | None, typer.Option(help="For rows that name no contract.")
]
OnTheRoad = Annotated[
    bool,
    typer.Option(
        "--on-the-road",
        help="The parcels travel already: VTEX is told only what it lacks.",
    ),
]


def import_(  # noqa: PLR0913 -- each is an option of the command
    file: Annotated[
        Path,
        typer.Argument(
            help="The labels as CSV, a row each; - is the input.", dir_okay=False
        ),
    ],
    *,
    account: ForAccount = None,
    contract: ForContract = None,
    on_the_road: OnTheRoad = False,
    refused: Annotated[
        Path | None,
        typer.Option(
            help="Where refused rows are written; by default beside the file, or "
            "here for the input.",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Register labels from a file; 1 if any row was refused.

    The first line names the columns as in the API: orderId, invoiceNumber,
    trackingNumber, … Rows that are wrong do not hold up the others. The same
    file again is no harm.
    """
    from relay.registration.csv_import import read_table

    rows = read_table(_content(file))
    path = refused or _beside(file)
    check_writable(path)
    settings = settings_of(config)
    defaults = {"account": account, "contract": contract}
    given: dict[str, Any] = {n: value for n, value in defaults.items() if value}
    given |= {"imported": True} if on_the_road else {}
    tally = on_database(config, lambda d: _imported(d, settings, rows, given))
    _sum_up(tally)
    if tally.refusals:
        write_refused(path, rows, tally.refusals)
        typer.echo(f"{path} has the refused rows: mend them, and import that file.")
        raise typer.Exit(1)


def _sum_up(tally: Tally) -> None:
    for warning in tally.warnings:
        typer.echo(warning, err=True)
    typer.echo(
        f"{tally.new} new, {tally.known} known already, {len(tally.refusals)} refused"
    )


def _beside(file: Path) -> Path:
    """Return where refused rows are written by default."""
    if file == INPUT:
        return Path("input.refused.csv")
    return file.with_name(f"{file.stem}.refused.csv")


def _content(file: Path) -> bytes:
    if file == INPUT:
        return typer.get_binary_stream("stdin").read()
    try:
        return file.read_bytes()
    except OSError as error:
        wrong = f"{file} cannot be read ({error.strerror})"
        raise InvalidLabel(wrong, hint="check its name") from None


async def _imported(
    database: "Database",
    settings: "Settings",
    rows: "LabelTable",
    given: dict[str, Any],
) -> Tally:
    """Register row after row, with a sign of progress."""
    registering, tally = _registering(database, settings), Tally()
    with _progress(len(rows.rows), tally) as advance:
        for row in rows.rows:
            await _take(registering, rows.header, row, given, tally)
            advance()
    await database.notify()
    return tally


def _registering(database: "Database", settings: "Settings") -> "BulkRegistration":
    from relay.api.shipment_actions import BulkRegistration
    from relay.registration.contract_terms import reading_terms
    from relay.registration.registrar import Registrar
    from relay.runtime.wiring import carriers, event_pace
    from relay.store.shipment_lists import ShipmentLists
    from relay.store.shipments import Shipments

    adapters = carriers(settings)
    terms = reading_terms(settings.contracts, adapters, event_pace(settings))
    return BulkRegistration(
        Registrar(settings, adapters),
        Shipments(database, terms.pace, terms.lower_bounds, terms.adoptions),
        ShipmentLists(database),
    )


async def _take(
    registering: "BulkRegistration",
    header: Sequence[str],
    row: Row,
    given: dict[str, Any],
    tally: Tally,
) -> None:
    """Register one row; what is wrong with it is told and remembered."""
    from relay.registration.csv_import import column_of, label_fields

    line, cells = row
    try:
        fields = given | label_fields(header, cells)
    except RegistrationError as error:
        _refuse(tally, Refusal(row, error.field, str(error), error.hint))
        return
    item = await registering.one(line, fields, utcnow())
    if item.problem is not None:
        of = item.problem
        field = column_of(of.field, fields)
        _refuse(tally, Refusal(row, field, of.detail, of.hint))
        return
    _count(tally, item)


def _refuse(tally: Tally, refusal: Refusal) -> None:
    tally.refusals.append(refusal)
    typer.echo(str(refusal), err=True)


def _count(tally: Tally, item: "BulkItem") -> None:
    """Count what was taken over; the index of an item is its line here."""
    created = item.status == 201  # noqa: PLR2004 -- created
    tally.new += created
    tally.known += not created
    tally.warnings += [f"line {item.index}: taken, but {w}" for w in item.warnings]


@contextmanager
def _progress(total: int, tally: Tally) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, else write a line now and then."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(console=console) as bar:
            task = bar.add_task("labels", total=total)
            yield lambda: bar.advance(task)
        return
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done % EVERY == 0 and done < total:
            typer.echo(f"{done} of {total}, {len(tally.refusals)} refused", err=True)

    yield advance
