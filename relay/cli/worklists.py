"""`relay lists` and `relay events`: what needs an operator, and decisions about it."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

import typer

from relay.cli.options import Account, AsJson, Config, Contract, Limit, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    LocalTimes,
    print_more,
    with_local_times,
    write_file,
    write_line,
    write_model,
    write_table,
)
from relay.cli.session import collect, run_operation
from relay.cli.table import COLUMNS
from relay.config.settings import Settings
from relay.service.access import Caller
from relay.service.queries import WorkListQuery
from relay.service.services import Services
from relay.service.validation import parse_fields
from relay.service.views import account_zone
from relay.service.worklist_models import ENTRIES, Entry, EntryPage
from relay.service.worklists import Decision, EventDecisionAnswer
from relay.store.worklist_queries import WorkList

Row = Mapping[str, Any]


def write_next(name: str, rows: Sequence[Row]) -> None:
    """Write the command that helps with the rows of the list *name*, if any."""
    if rows:
        write_line(f"Next: {_STEPS[name](rows)}")


def _stuck(rows: Sequence[Row]) -> str:
    return (
        f"fix the cause, then: relay shipments retry {rows[0]['id']}, or all with the "
        "same reason: relay shipments retry --all-stuck --reason TEXT"
    )


def _quarantined(rows: Sequence[Row]) -> str:
    event = rows[0]["event"]
    return (
        f"ask the carrier, then: relay events release {event} (publish it), or "
        f"relay events drop {event}"
    )


def _unmatched(rows: Sequence[Row]) -> str:
    return (
        "compare with the labels: relay shipments list --contract "
        f"{rows[0]['contract']}; then relay shipments correct, or handover, as the "
        "reason says"
    )


def _unreadable(rows: Sequence[Row]) -> str:
    document = rows[0]["document"]
    return (
        f"relay documents show {document}; after a fix of its adapter: "
        f"relay documents replay {document}, or replay --all --unreadable"
    )


def _rejected(rows: Sequence[Row]) -> str:
    request, contract = rows[0]["request"], rows[0]["contract"]
    return (
        f"show one: relay rejected show {request}; correct the contract's secret, then "
        f"verify them again: relay rejected accept --all --contract {contract}"
    )


def _refused(rows: Sequence[Row]) -> str:
    """Suggest the address for a contract that was almost named."""
    if any(row["contract"] is None for row in rows):
        return "compare the carrier's address with: relay contracts list"
    return "as each hint says"


def _unknown_codes(rows: Sequence[Row]) -> str:
    """Suggest a row for the settings, and a replay of the documents received so far."""
    row = next((row for row in rows if row["carrier_code"]), rows[0])
    contract, code = row["contract"], json.dumps(row["carrier_code"])
    return (
        f"map it in [contracts.{contract}], for example "
        f'codes = {{ {code} = {{ milestone = "in_transit" }} }}, then for documents '
        f"received so far: relay documents replay --all --contract {contract}"
    )


def _overdue(rows: Sequence[Row]) -> str:
    named = shlex.quote(rows[0]["tracking_number"] or rows[0]["id"])
    return (
        f"see relay shipments show {named}; to poll the carrier at once, if it can be "
        f"polled: relay shipments poll-now {named}"
    )


def _waiting(rows: Sequence[Row]) -> str:
    """Suggest cancelling a label that VTEX does not know."""
    unknown = [row for row in rows if "not found" in _words(row["why"]).lower()]
    if not unknown:
        return "nothing: published later automatically; see relay accounts list"
    return (
        "`Not Found` can mean a wrong order or invoice: compare it with VTEX; if so, "
        f"relay shipments cancel {unknown[0]['id']}, then register the right label"
    )


def _words(value: Any) -> str:
    """Return the text of a cell that may be empty."""
    return value.text if isinstance(value, LocalTimes) else value or ""


_STEPS: Final[Mapping[str, Callable[[Sequence[Row]], str]]] = {
    "stuck": _stuck,
    "quarantined": _quarantined,
    "unmatched": _unmatched,
    "unreadable": _unreadable,
    "rejected": _rejected,
    "refused": _refused,
    "unknown-codes": _unknown_codes,
    "late": _overdue,
    "silent": _overdue,
    "waiting": _waiting,
}
NAMES: Final = ", ".join(WorkList)
EventNumber = Annotated[
    int, typer.Argument(min=1, help="The event's number, as lists show it.")
]


def lists(  # noqa: PLR0913 -- each is an option of the command
    name: Annotated[str, typer.Argument(help=f"One of {NAMES}.")],
    *,
    account: Account = None,
    contract: Contract = None,
    days: Annotated[
        int, typer.Option(min=1, help="Days without an event, for `silent`.")
    ] = 7,
    limit: Limit = 1000,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a work list: what needs an operator."""
    wanted = _name(name)
    given = {"account": account, "contract": contract, "days": days}
    query = parse_fields({n: v for n, v in given.items() if v}, WorkListQuery)

    async def operation(services: Services, caller: Caller) -> EntryPage:
        page_of = partial(services.worklists.page, caller, wanted)
        return await collect(page_of, query, "entries", limit)

    page, settings = run_operation(config, operation), settings_of(config)
    if csv is not None:
        rows = [entry.cells().values() for entry in page.entries]
        write_file(csv, ENTRIES[wanted].columns(), rows, delimiter)
    elif as_json:
        write_model(page)
    else:
        _write(wanted, page.entries, settings)
    print_more(limit, more=page.next is not None)


def _name(text: str) -> WorkList:
    try:
        return WorkList(text)
    except ValueError:
        raise typer.BadParameter(f"use one of {NAMES}", param_hint="NAME") from None


def _write(name: WorkList, found: Sequence[Entry], settings: Settings) -> None:
    """Write a table, and the command that helps with its rows."""
    columns, rows = COLUMNS[name], [_cells(one, settings) for one in found]
    write_table(list(columns.values()), [[r[c] for c in columns] for r in rows])
    write_next(name, rows)


def _cells(entry: Entry, settings: Settings) -> dict[str, Any]:
    """Return the values of a row, the times in its reason in the account's zone."""
    cells = entry.cells()
    if "why" in cells:
        zone = account_zone(cells["account"], settings)
        cells["why"] = with_local_times(cells["why"], zone)
    return cells


def release(event: EventNumber, config: Config = None, as_json: AsJson = False) -> None:
    """Release an event: it is published."""
    _decide(event, "released", config, as_json=as_json)


def drop(event: EventNumber, config: Config = None, as_json: AsJson = False) -> None:
    """Drop an event: it is not published, unless it was already."""
    _decide(event, "dropped", config, as_json=as_json)


def _decide(event: int, decision: Decision, config: Config, *, as_json: bool) -> None:
    async def operation(services: Services, caller: Caller) -> EventDecisionAnswer:
        return await services.worklists.decide_event(caller, event, decision)

    answer = run_operation(config, operation)
    if as_json:
        write_model(answer)
        return
    write_line(f"event {event} {decision} for {', '.join(answer.shipments)}")
    for warning in answer.warnings:
        write_line(warning, err=True)
