"""`relay documents`: documents received from carriers."""

from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Annotated, Any

import typer
from pydantic.alias_generators import to_camel

from relay.cli.options import Account, AsJson, Config, Contract, Limit, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    local,
    print_more,
    shown,
    write_damage,
    write_fields,
    write_file,
    write_line,
    write_model,
    write_table,
    write_text,
)
from relay.cli.session import collect, request_of, run_bulk, run_operation
from relay.cli.table import DOCUMENTS
from relay.cli.worklists import write_next
from relay.config.settings import Settings
from relay.logs import counted
from relay.service.access import Caller
from relay.service.documents import (
    DocumentDetail,
    DocumentList,
    DocumentSummary,
    Replayed,
)
from relay.service.models import BulkActionAnswer
from relay.service.queries import DocumentQuery, ReplayRequest
from relay.service.services import Services
from relay.service.views import zone_of

Number = Annotated[int, typer.Argument(min=1, help="The document's number.")]


def list_(  # noqa: PLR0913 -- each is an option of the command
    unreadable: Annotated[
        bool,
        typer.Option(
            "--unreadable", help="Only those that cannot be parsed, or in part."
        ),
    ] = False,
    *,
    account: Account = None,
    contract: Contract = None,
    limit: Limit = 50,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List documents, the newest first."""
    query = DocumentQuery(account=account, contract=contract, unreadable=unreadable)

    async def operation(services: Services, caller: Caller) -> DocumentList:
        page_of = partial(services.documents.page, caller)
        return await collect(page_of, query, "documents", limit)

    page, settings = run_operation(config, operation), settings_of(config)
    cells = [_cells(one, settings) for one in page.documents]
    if csv is not None:
        columns = [to_camel(name) for name in (*DOCUMENTS, "damage")]
        rows = [[*c, one.damage] for c, one in zip(cells, page.documents, strict=True)]
        write_file(csv, columns, rows, delimiter)
    elif as_json:
        write_model(page)
    else:
        write_table(list(DOCUMENTS.values()), cells)
        numbers = [{"document": one.id} for one in page.documents]
        write_next("unreadable", numbers if unreadable else [])
    if not as_json:
        write_damage((f"document {one.id}", one) for one in page.documents)
    print_more(limit, more=page.next is not None)


def show(document: Number, config: Config = None, as_json: AsJson = False) -> None:
    """Show a document with its headers and body."""

    async def operation(services: Services, caller: Caller) -> DocumentDetail:
        return await services.documents.show(caller, document)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    zone = _zone(found.contract, settings_of(config))
    fields = found.model_dump(exclude={"body", "unreadable_parts", "traceback"})
    write_fields(_local(fields, zone))
    for part in found.unreadable_parts:
        write_line(f"unreadable: {shown(part)}")
    for call in (found.traceback or "").splitlines():
        write_line(f"called: {shown(call)}")
    write_text(f"\n{found.body}")


def replay(  # noqa: PLR0913 -- each is an option of the command
    document: Annotated[
        int | None,
        typer.Argument(min=1, help="The document's number; omit it with --all."),
    ] = None,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="All documents that match.")
    ] = False,
    unreadable: Annotated[
        bool,
        typer.Option(
            "--unreadable", help="Only those that cannot be parsed, or in part."
        ),
    ] = False,
    account: Account = None,
    contract: Contract = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Received at this time or later, UTC.", show_default=False),
    ] = None,
    config: Config = None,
) -> None:
    """Parse documents again, after a fix of an adapter or a code table."""
    if (document is None) is not all_:
        raise typer.BadParameter("give the number of one document, or --all")
    if document is not None:
        _replay_one(document, config)
        return
    request = request_of(
        ReplayRequest,
        {
            "account": account,
            "contract": contract,
            "unreadable": unreadable,
            "since": since and since.replace(tzinfo=UTC),
        },
    )

    async def part(
        services: Services, caller: Caller, cursor: str | None
    ) -> BulkActionAnswer:
        following = request.model_copy(update={"cursor": cursor})
        return await services.documents.replay_many(caller, following)

    documents = counted(run_bulk(config, part), "document")
    write_line(f"{documents} will be parsed again by a running relay.")


def _replay_one(document: int, config: Config) -> None:
    async def operation(services: Services, caller: Caller) -> Replayed:
        return await services.documents.replay(caller, document)

    run_operation(config, operation)
    write_line(f"document {document} will be parsed again by a running relay.")


def _cells(one: DocumentSummary, settings: Settings) -> list[Any]:
    fields = _local(one.model_dump(), _zone(one.contract, settings))
    return [fields[name] for name in DOCUMENTS]


def _local(fields: dict[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Return *fields* with their times in *zone*."""
    return {
        name: local(value, zone) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


def _zone(contract: str, settings: Settings) -> tzinfo:
    """Return the zone of the contract's first account, or of the only account."""
    accounts = list(settings.accounts.values())
    if contract not in settings.contracts and len(accounts) == 1:
        return accounts[0].zone
    return zone_of({"contract": contract}, settings)
