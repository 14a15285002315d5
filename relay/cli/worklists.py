"""`relay lists` and `relay events`: what needs an operator, and decisions about it."""

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
    write_damage,
    write_file,
    write_line,
    write_model,
    write_table,
)
from relay.cli.session import collect, run_operation
from relay.cli.table import COLUMNS
from relay.config.settings import Settings
from relay.domain.contradictions import DROPPED, WITHDRAWN
from relay.domain.unknown_to_vtex import Lack
from relay.service.access import Caller
from relay.service.queries import WorkListQuery
from relay.service.services import Services
from relay.service.unknown_to_vtex import UnknownCounts
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


def _contradicted(rows: Sequence[Row]) -> str:
    shipment, reason = rows[0]["id"], rows[0]["contradicted_reason"]
    if reason in {DROPPED, WITHDRAWN}:
        return (
            f"see relay shipments show {shipment}; if the parcel did not arrive, take "
            f"the delivery back at VTEX: relay shipments resend {shipment} --force; if "
            f"it did: relay shipments mark-delivered {shipment}"
        )
    return (
        f"see relay shipments show {shipment}; if the parcel did not arrive, drop the "
        "delivery (relay events drop EVENT), then take it back at VTEX (relay "
        f"shipments resend {shipment} --force); if it did, drop the other event"
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
    """Suggest the dry run of a mapping; for texts, rules and a replay of documents."""
    row = next((row for row in rows if row["carrier_code"]), rows[0])
    contract, code = row["contract"], shlex.quote(row["carrier_code"])
    if not row["carrier_code"]:
        return (
            "they have a text and no code: map it in the text_rules of "
            f"[contracts.{contract}], or in `texts` of the adapter's codes.toml; then "
            f"relay documents replay --all --contract {contract}"
        )
    return (
        f"try what it means: relay codes map {contract} {code} in_transit --why TEXT "
        "--dry-run; without --dry-run it is mapped, and its documents are parsed again"
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


def _unknown(rows: Sequence[Row]) -> str:
    """Suggest what helps with the first row that waits for a person or the ERP."""
    lists = {
        Lack.STUCK: "relay lists stuck",
        Lack.QUARANTINED: "relay lists quarantined",
        Lack.NOT_IN_VTEX: "relay lists waiting",
        Lack.ACCOUNT_CLOSED: "relay status",
        Lack.INTERNAL_ERROR: "see the relay's log, and report it",
        Lack.NO_TRACKING_NUMBER: "the ERP sends the number: see relay shipments show "
        f"{rows[0]['id']}",
    }
    found = [lists[row["lack"]] for row in rows if row["lack"] in lists]
    return next(iter(found), "nothing: it is sent automatically; see relay status")


def _words(value: Any) -> str:
    """Return the text of a cell that may be empty."""
    return value.text if isinstance(value, LocalTimes) else value or ""


_STEPS: Final[Mapping[str, Callable[[Sequence[Row]], str]]] = {
    "stuck": _stuck,
    "contradicted": _contradicted,
    "quarantined": _quarantined,
    "unmatched": _unmatched,
    "unreadable": _unreadable,
    "rejected": _rejected,
    "refused": _refused,
    "unknown-codes": _unknown_codes,
    "late": _overdue,
    "silent": _overdue,
    "waiting": _waiting,
    "unknown-to-vtex": _unknown,
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
    count: Annotated[
        bool, typer.Option("--count", help="Counts only, for `unknown-to-vtex`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a work list: what needs an operator."""
    wanted = _name(name)
    if count:
        _check_counted(wanted)
        _count(config, account, contract, as_json=as_json)
        return
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


def _check_counted(name: WorkList) -> None:
    if name is not WorkList.UNKNOWN_TO_VTEX:
        why = f"use it with {WorkList.UNKNOWN_TO_VTEX}"
        raise typer.BadParameter(why, param_hint="--count")


def _count(
    config: Config, account: str | None, contract: str | None, *, as_json: bool
) -> None:
    """Write how many shipments VTEX does not know fully, by reason."""
    query = WorkListQuery(account=account, contract=contract)

    async def operation(services: Services, caller: Caller) -> UnknownCounts:
        return await services.worklists.unknown_counts(caller, query)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    rows = [
        (one.shipments, one.lack, one.next_actor, one.oldest_since)
        for one in found.counts
    ]
    write_table(("shipments", "reason", "next: who", "oldest since"), rows)
    write_line(f"{found.total} in total" + ("" if found.complete else ", and more"))


def _name(text: str) -> WorkList:
    try:
        return WorkList(text)
    except ValueError:
        raise typer.BadParameter(f"use one of {NAMES}", param_hint="NAME") from None


def _write(name: WorkList, found: Sequence[Entry], settings: Settings) -> None:
    """Write a table, and the command that helps with its rows."""
    columns, rows = COLUMNS[name], [_cells(one, settings) for one in found]
    write_table(list(columns.values()), [[r[c] for c in columns] for r in rows])
    write_damage((one.label, one) for one in found)
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
        write_line(warning.message, err=True)
