"""`relay invoices`: post invoices to VTEX, list them, and act on one."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from relay.cli.options import Account, AsJson, Config, Limit, settings_of
from relay.cli.output import (
    local,
    print_more,
    with_local_times,
    write_fields,
    write_line,
    write_model,
    write_table,
)
from relay.cli.session import collect, run_operation
from relay.cli.table import Column
from relay.config.settings import Settings
from relay.domain.invoices import InvoiceType
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.service.access import Caller
from relay.service.invoice_models import (
    InvoiceAnswer,
    InvoiceDetail,
    InvoiceList,
    InvoiceSummary,
)
from relay.service.invoices import InvoiceService
from relay.service.queries import InvoiceQuery
from relay.service.services import Services
from relay.service.validation import parse_fields, parse_json
from relay.service.views import account_zone

Id = Annotated[str, typer.Argument(help="The invoice's id.", show_default=False)]
Action = Callable[[InvoiceService, Caller, str], Awaitable[InvoiceAnswer]]
COLUMNS: Final = (
    Column("id", 1),
    Column("account"),
    Column("order"),
    Column("invoice"),
    Column("type"),
    Column("cents"),
    Column("state"),
    Column("registered", 3),
    Column("posted", 2),
    Column("why", is_text=True),
    Column("warnings", 4, is_text=True),
)
CALLS: Final = (Column("when"), Column("call"), Column("response", is_text=True))


def post(
    file: Annotated[
        str,
        typer.Argument(
            help="JSON as for POST /v1/invoices; - is standard input.",
            show_default=False,
        ),
    ],
    *,
    refund: Annotated[
        bool,
        typer.Option("--refund", help="The invoice is of type Input: VTEX refunds it."),
    ] = False,
    config: Config = None,
) -> None:
    """Post an invoice to VTEX, from a JSON file; with its parcel, if it has one."""
    request = parse_json(_content(file), InvoiceNotificationRequest)
    if (request.type is InvoiceType.INPUT) is not refund:
        hint = "give --refund" if not refund else "remove --refund"
        raise typer.BadParameter(f"type is {request.type.value}; {hint} or correct it")

    async def operation(services: Services, caller: Caller) -> InvoiceAnswer:
        return (await services.invoices.register(caller, request)).answer

    answer = run_operation(config, operation)
    for warning in answer.warnings:
        write_line(warning.message, err=True)
    write_line(_said(answer))


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {file}: {error.strerror}") from None


def _said(answer: InvoiceAnswer) -> str:
    parcel = f"; its parcel is shipment {answer.shipment}" if answer.shipment else ""
    why = f" ({answer.why})" if answer.why else ""
    return f"{answer.id}: {answer.state}{why}{parcel}"


def list_(  # noqa: PLR0913 -- each is an option of the command
    *,
    account: Account = None,
    order: Annotated[
        str | None, typer.Option(help="VTEX's order id.", show_default=False)
    ] = None,
    invoice: Annotated[
        str | None, typer.Option(help="The invoice's number.", show_default=False)
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="The state, such as stuck or waiting.", show_default=False),
    ] = None,
    limit: Limit = 50,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List invoices, and why they wait."""
    given = {
        "account": account,
        "orderId": order,
        "invoiceNumber": invoice,
        "state": state,
    }
    query = parse_fields({n: v for n, v in given.items() if v}, InvoiceQuery)

    async def operation(services: Services, caller: Caller) -> InvoiceList:
        page_of = partial(services.invoices.page, caller)
        return await collect(page_of, query, "invoices", limit)

    page = run_operation(config, operation)
    if as_json:
        write_model(page)
    else:
        settings = settings_of(config)
        write_table(COLUMNS, [_line(one, settings) for one in page.invoices])
    print_more(limit, more=page.next is not None)


def _line(one: InvoiceSummary, settings: Settings) -> list[Any]:
    zone = account_zone(one.account, settings)
    return [
        one.id,
        one.account,
        one.order_id,
        one.invoice_number,
        one.type.value,
        one.invoice_value,
        one.state.value,
        local(one.registered_at, zone),
        local(one.posted_at, zone),
        with_local_times(one.why, zone),
        "; ".join(warning.message for warning in one.warnings),
    ]


def show(invoice: Id, config: Config = None, as_json: AsJson = False) -> None:
    """Show an invoice with its content and its calls to VTEX."""

    async def operation(services: Services, caller: Caller) -> InvoiceDetail:
        return await services.invoices.show(caller, invoice)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    zone = account_zone(found.account, settings_of(config))
    fields = found.model_dump(exclude={"calls", "warnings", "content"})
    fields["why"] = with_local_times(found.why, zone)
    fields["warnings"] = "; ".join(warning.message for warning in found.warnings)
    for name in (*_TIMES, "registered_at"):
        fields[name] = local(fields[name], zone)
    write_fields(fields | found.content)
    rows = [
        (
            local(call.stored_at, zone),
            call.kind,
            f"{call.status or 'no answer'} {call.message or ''}".rstrip(),
        )
        for call in found.calls
    ]
    write_table(CALLS, rows, name_zones=False)


_TIMES: Final = ("last_tried_at", "posted_at", "delivered_at", "delivery_requested_at")


def _act(config: Path | None, invoice: str, action: Action) -> None:
    async def operation(services: Services, caller: Caller) -> InvoiceAnswer:
        return await action(services.invoices, caller, invoice)

    write_line(_said(run_operation(config, operation)))


def retry(invoice: Id, config: Config = None) -> None:
    """Post at once, and clear earlier failures."""
    _act(config, invoice, InvoiceService.retry)


def cancel(invoice: Id, config: Config = None) -> None:
    """Withdraw an invoice that was not sent to VTEX yet."""
    _act(config, invoice, InvoiceService.cancel)


def mark_delivered(invoice: Id, config: Config = None) -> None:
    """Mark the package of a return as delivered in VTEX."""
    _act(config, invoice, InvoiceService.mark_delivered)
