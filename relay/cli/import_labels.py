"""`relay shipments import`: register labels from a CSV file."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress

from relay.cli.options import Config
from relay.cli.output import write_line
from relay.cli.session import run_operation
from relay.errors import InvalidLabel, RegistrationError
from relay.invalid_fields import InvalidFields
from relay.problem_codes import WarningCode
from relay.registration.csv_import import (
    ADDED,
    LabelTable,
    column_of,
    label_fields,
    read_table,
)
from relay.service.access import Caller
from relay.service.models import BulkItem, FieldError
from relay.service.services import Services
from relay.service.shipments import ShipmentService

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was refused: its line, the field at fault, why, and how to fix it."""

    row: Row
    field: str
    reason: str
    hint: str

    def __str__(self) -> str:
        about = f"{self.field}: " if self.field else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"line {self.row[0]}: refused: {about}{self.reason}{hint}"


def check_writable(path: Path) -> None:
    """Refuse to start if refused rows could not be written afterwards."""
    try:
        was_there = path.exists()
        with path.open("ab"):
            pass
    except OSError as error:
        raise InvalidLabel(
            f"cannot write {path} ({error.strerror}), where refused rows go",
            hint="name another file with --refused; nothing was imported",
        ) from None
    if not was_there:
        path.unlink()


def write_refused(path: Path, rows: LabelTable, refusals: Iterable[Refusal]) -> None:
    """Write the refused rows unchanged, with added columns for the reasons."""
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


INPUT: Final = Path("-")
EVERY = 100
"""Rows after which progress is printed if there is no terminal for a bar."""


@dataclass(slots=True)
class Tally:
    """How many rows were new, known or refused, and the warnings.

    `undated` are those of labels without a dispatch date.
    """

    new: int = 0
    known: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)


ForAccount = Annotated[
    str | None, typer.Option(help="The account of rows without one.")
]
ForContract = Annotated[
    str | None, typer.Option(help="The contract of rows without one.")
]
OnTheRoad = Annotated[
    bool,
    typer.Option(
        "--on-the-road",
        help="The parcels are in transit: only what VTEX lacks is published.",
    ),
]


def import_(  # noqa: PLR0913 -- each is an option of the command
    file: Annotated[
        Path,
        typer.Argument(
            help="The labels as CSV, one per row; - is standard input.", dir_okay=False
        ),
    ],
    *,
    account: ForAccount = None,
    contract: ForContract = None,
    on_the_road: OnTheRoad = False,
    refused: Annotated[
        Path | None,
        typer.Option(
            help="The file for refused rows; by default beside FILE, or in the "
            "current folder for standard input.",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Register labels from a CSV file; exit code 1 if a row was refused.

    The first line names the columns as in the API: orderId, invoiceNumber,
    trackingNumber, … A refused row does not affect the others. Importing the same
    file again changes nothing.
    """
    rows = read_table(_content(file))
    path = refused or _beside(file)
    check_writable(path)
    defaults = {"account": account, "contract": contract}
    given: dict[str, Any] = {n: value for n, value in defaults.items() if value}
    given |= {"imported": True} if on_the_road else {}

    async def operation(services: Services, caller: Caller) -> Tally:
        return await LabelImport(services.shipments, caller, rows, given).run()

    tally = run_operation(config, operation)
    _sum_up(tally)
    if tally.refusals:
        write_refused(path, rows, tally.refusals)
        write_line(f"refused rows are in {path}: correct them and import that file")
        raise typer.Exit(1)


def _sum_up(tally: Tally) -> None:
    for warning in tally.warnings:
        write_line(warning, err=True)
    for text, rows in Counter(tally.undated).items():
        write_line(f"{rows} registered, but {text}", err=True)
    write_line(
        f"{tally.new} new, {tally.known} already known, {len(tally.refusals)} refused"
    )


def _beside(file: Path) -> Path:
    """Return the default file for refused rows."""
    if file == INPUT:
        return Path("input.refused.csv")
    return file.with_name(f"{file.stem}.refused.csv")


def _content(file: Path) -> bytes:
    if file == INPUT:
        return typer.get_binary_stream("stdin").read()
    try:
        return file.read_bytes()
    except OSError as error:
        wrong = f"cannot read {file} ({error.strerror})"
        raise InvalidLabel(wrong, hint="check the path") from None


@dataclass(frozen=True, slots=True)
class LabelImport:
    """Registers the rows of a table; *given* are the fields that all rows share."""

    labels: ShipmentService
    caller: Caller
    rows: LabelTable
    given: dict[str, Any]
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> Tally:
        """Register row after row, showing progress."""
        with _progress(len(self.rows.rows), self.tally) as advance:
            for row in self.rows.rows:
                await self._take(row)
                advance()
        self.labels.context.wake.publisher()
        return self.tally

    async def _take(self, row: Row) -> None:
        """Register one row; print and count its result."""
        line, cells = row
        invalid = InvalidFields()
        try:
            fields = self.given | label_fields(self.rows.header, cells, invalid)
        except RegistrationError as error:
            refusal = Refusal(row, error.field, error.summary(), error.hint)
            _refuse(self.tally, refusal)
            return
        item = await self.labels.register_item(self.caller, line, fields, invalid.found)
        if item.problem is None:
            _count(self.tally, item)
            return
        of = item.problem
        column = column_of(of.field, fields)
        reason = "; also ".join((of.errors[0].detail, *map(_also, of.errors[1:])))
        _refuse(self.tally, Refusal(row, column, reason, of.hint))


def _also(error: FieldError) -> str:
    about = f"{error.field}: " if error.field else ""
    return f"{about}{error.detail}"


def _refuse(tally: Tally, refusal: Refusal) -> None:
    tally.refusals.append(refusal)
    write_line(str(refusal), err=True)


def _count(tally: Tally, item: BulkItem) -> None:
    """Count a registered row; the index of an item is its line here."""
    created = item.status == 201  # noqa: PLR2004 -- created
    tally.new += created
    tally.known += not created
    line = f"line {item.index}: registered, but"
    for warning in item.warnings:
        # A file without the column would repeat this one for every row.
        if warning.code is WarningCode.DISPATCHED_DATE_MISSING:
            tally.undated.append(warning.message)
        else:
            tally.warnings.append(f"{line} {warning.message}")


@contextmanager
def _progress(total: int, tally: Tally) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, else print a line now and then."""
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
            write_line(f"{done} of {total}, {len(tally.refusals)} refused", err=True)

    yield advance
