"""`relay carriers stats`: what the carrier of a contract did."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from relay.cli.options import AsJson, Config
from relay.cli.output import write_fields, write_line, write_model, write_table
from relay.cli.session import run_operation
from relay.service.access import Caller
from relay.service.services import Services
from relay.service.statistics import StatisticsQuery
from relay.service.statistics_models import CarrierWeek, ContractStatistics


def show(
    contract: Annotated[str, typer.Argument(help="The contract's name.")],
    days: Annotated[int, typer.Option(min=1, max=365, help="Days to show.")] = 28,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what the carrier of a contract did in the last days."""

    async def operation(services: Services, caller: Caller) -> ContractStatistics:
        query = StatisticsQuery(days=days)
        return await services.statistics.of_contract(caller, contract, query)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
    else:
        _write(found)


def _write(found: ContractStatistics) -> None:
    if found.counted_at is None:
        write_line("Not counted yet: a running relay counts in the background.")
    columns = ("day", "registered", "events", "delivered", "late")
    write_table(columns, [[getattr(d, c) for c in columns] for d in found.days])
    weeks = [("this week", found.this_week), ("last week", found.last_week)]
    write_table(
        ("", "registered", "events", "delivered", "late", "days on the way"),
        [(name, *_week(week)) for name, week in weeks],
    )
    rows = [
        (s.state or "-", s.delivered, f"{s.late} of {s.promised}", s.travel_days)
        for s in found.states
    ]
    write_table(("state", "delivered", "late", "days on the way"), rows)
    write_table(
        ("arrived within", "events"), [(one.within, one.events) for one in found.delays]
    )
    write_fields(
        {
            "unknown codes": found.unknown_codes,
            "rejected webhooks": found.rejections.rejected if found.rejections else 0,
            "last document": found.last_document_at,
        }
    )


def _week(week: CarrierWeek) -> Sequence[Any]:
    late = f"{week.late} of {week.promised}"
    return week.registered, week.events, week.delivered, late, week.travel_days
