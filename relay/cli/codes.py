"""`relay codes`: what people say that carriers' codes mean."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from relay.cli.options import AsJson, Config, Contract
from relay.cli.output import write_line, write_model, write_table, write_text
from relay.cli.session import request_of, run_operation
from relay.logs import counted
from relay.service.access import Caller
from relay.service.code_models import (
    CodeExport,
    CodeQuery,
    ExportQuery,
    MappingEntry,
    MappingList,
    MappingPreview,
    MapRequest,
    ShipmentChangeLine,
    UnmapRequest,
)
from relay.service.code_tables import in_words
from relay.service.services import Services
from relay.service.validation import parse_fields

NamedContract = Annotated[str, typer.Argument(help="The contract's name.")]
Code = Annotated[
    str, typer.Argument(help="The code, as `relay lists unknown-codes` shows it.")
]
Why = Annotated[str, typer.Option(help="Why; it is stored with the change.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change; change nothing.")
]
COLUMNS: Final = ("contract", "code", "meaning", "by", "why", "documents", "state")
SHOWN: Final = 20
"""Shipments that a dry run prints; --json has up to 50."""


def list_(
    contract: Contract = None, config: Config = None, as_json: AsJson = False
) -> None:
    """List mapped codes, and how far their documents were parsed again."""

    async def operation(services: Services, caller: Caller) -> MappingList:
        return await services.codes.page(caller, CodeQuery(contract=contract))

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    write_table(COLUMNS, list(map(_row, found.mappings)))
    for one in found.mappings:
        if one.conflict:
            write_line(f"{one.contract}: {one.conflict}", err=True)


def map_(  # noqa: PLR0913 -- each is an option of the command
    contract: NamedContract,
    code: Code,
    milestone: Annotated[str, typer.Argument(help="Such as in_transit.")],
    why: Why,
    *,
    effect: Annotated[
        str, typer.Option(help="normal, administrative or provisional.")
    ] = "normal",
    text: Annotated[
        str, typer.Option(help="A description, where the carrier gives none.")
    ] = "",
    confirm_delivered: Annotated[
        bool,
        typer.Option("--confirm-delivered", help="Required for `delivered`."),
    ] = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Map a code of a contract; documents with it are parsed again."""
    given: dict[str, Any] = {"contract": contract, "carrierCode": code, "why": why}
    given |= {"milestone": milestone, "effect": effect, "text": text}
    given |= {"confirmDelivered": confirm_delivered}
    request = request_of(MapRequest, given)

    async def tried(services: Services, caller: Caller) -> MappingPreview:
        return await services.codes.preview(caller, request)

    async def done(services: Services, caller: Caller) -> MappingEntry:
        return await services.codes.map(caller, request)

    if dry_run:
        _write_preview(run_operation(config, tried), as_json=as_json)
    else:
        _write_done(run_operation(config, done), as_json=as_json)


def unmap(  # noqa: PLR0913 -- each is an option of the command
    contract: NamedContract,
    code: Code,
    why: Why,
    *,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Remove a mapping; what was published stays in VTEX."""
    given = {"contract": contract, "carrierCode": code, "why": why}
    request = request_of(UnmapRequest, given)

    async def tried(services: Services, caller: Caller) -> MappingPreview:
        return await services.codes.preview_removal(caller, request)

    async def done(services: Services, caller: Caller) -> MappingEntry:
        return await services.codes.unmap(caller, request)

    if dry_run:
        _write_preview(run_operation(config, tried), as_json=as_json)
    else:
        _write_done(run_operation(config, done), as_json=as_json)


def export(
    contract: Contract = None,
    form: Annotated[
        str, typer.Option(help="For the `settings` file, or an `adapter`'s table.")
    ] = "settings",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print mapped codes as TOML, for the settings or a code table."""
    given = {"contract": contract, "form": form}
    query = parse_fields({n: v for n, v in given.items() if v}, ExportQuery)

    async def operation(services: Services, caller: Caller) -> CodeExport:
        return await services.codes.export(caller, query)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
    else:
        write_text(found.toml)


def _row(one: MappingEntry) -> Sequence[Any]:
    state = "removed" if one.removed_at else "active"
    if one.progress == "in_progress":
        state += f", {one.percent}% applied"
    elif one.progress == "checking":
        state += ", applied, checked once more"
    meaning, by = in_words(one.meaning), one.removed_by or one.mapped_by
    why = one.removed_why or one.why
    return one.contract, one.carrier_code, meaning, by, why, one.documents, state


def _write_done(one: MappingEntry, *, as_json: bool) -> None:
    if as_json:
        write_model(one)
        return
    done = f"mapped to {in_words(one.meaning)}"
    write_line(
        f"{one.carrier_code} is {'no longer mapped' if one.removed_at else done}."
    )
    write_line("A running relay parses its documents again: see relay codes list.")


def _write_preview(found: MappingPreview, *, as_json: bool) -> None:
    if as_json:
        write_model(found)
        return
    have = f"{counted(found.events, 'event')} in {counted(found.documents, 'document')}"
    write_line(f"{have} have the code {found.carrier_code}; {found.tried} tried.")
    changes = [(one.before, one.after, one.events) for one in found.changes]
    if changes:
        write_table(("before", "after", "events"), changes)
    shipments = counted(found.shipments, "shipment")
    write_line(
        f"{shipments} of {counted(found.orders, 'order')} would change; "
        f"{found.vtex_updates} differ in what is published; "
        f"{found.deliveries} would be delivered; "
        f"{counted(found.unmatched, 'event')} without a shipment."
    )
    rows = [(s.order_id, s.invoice_number, _outcome(s)) for s in found.examples[:SHOWN]]
    if rows:
        write_table(("order", "invoice", "would be published"), rows)
    for warning in found.warnings:
        write_text(f"warning: {warning}", err=True)
    write_line("Nothing was changed.")


def _outcome(one: ShipmentChangeLine) -> str:
    published = [
        f"{t.occurred_at:%Y-%m-%d %H:%M} UTC {t.milestone}" for t in one.published
    ]
    published += [f"no longer {t.milestone}" for t in one.no_longer_published]
    published += ["delivered"] if one.delivered_at else []
    published += [f"waits: {reason}" for reason in one.quarantined]
    return "; ".join(published) or "nothing"
