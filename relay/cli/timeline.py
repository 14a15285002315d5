"""`relay shipments show`: everything that is kept of one shipment."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from collections.abc import Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from relay.cli.layout import Column
from relay.cli.naming import Shipment, on_shipment
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.showing import (
    local,
    sentence,
    shown,
    write_fields,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from relay.settings import Settings
    from relay.store.database import Database
    from relay.store.lists import Listed, Timeline
    from relay.web.models import EventLine
    from relay.web.models import Shipment as Shown

COLUMNS = (
    Column("when"),
    Column("what"),
    Column("which", is_text=True),
)


def show(shipment: Shipment, config: Config = None, as_json: AsJson = False) -> None:
    """Show everything that is kept of one shipment."""
    from relay.web import views
    from relay.web.entering import account_zone

    settings = settings_of(config)

    async def act(
        database: "Database", listed: "Listed"
    ) -> "tuple[Listed, Timeline, list[dict[str, Any]]]":
        from relay.store.lists import Lists

        number = listed.row["shipment"]
        timeline = await Lists(database).timeline(number)
        return listed, timeline, await _asked(database, settings, number)

    _, (listed, timeline, asked) = on_shipment(config, shipment, act)
    found = views.shipment(listed, timeline)
    if as_json:
        write_json(found.model_dump(mode="json", by_alias=True) | {"asked": asked})
        return
    zone = account_zone(found.account, settings)
    write_fields(_fields(found, asked, zone))
    lines = sorted(_lines(found, zone), key=itemgetter(0))
    write_table(COLUMNS, lines, name_zones=False)


async def _asked(
    database: "Database", settings: "Settings", shipment: int
) -> list[dict[str, Any]]:
    """Return when the carriers that are asked are asked for a shipment's parcels."""
    from relay.store.polls import PollClaims
    from relay.store.spelling import at

    async with database.reading() as tx:
        rows = await tx.rows("polls_of_shipment", shipment=shipment)
    ever = await PollClaims(database).states()
    asked = {c.name for c in settings.contracts.values() if c.poll and c.name in ever}
    return [
        {
            "contract": row["contract"],
            "volume": row["volume"],
            "askedAt": at(row["polled_at"]),
            "nextAt": at(row["poll_at"]),
        }
        for row in rows
        if row["contract"] in asked
    ]


def _fields(
    found: "Shown", asked: list[dict[str, Any]], zone: "ZoneInfo"
) -> dict[str, Any]:
    fields = found.model_dump(exclude={"parcels", "references", "timeline"})
    fields["announced_as"] = found.announced_as and found.announced_as.tracking_number
    fields["why"] = sentence(found.why, zone)
    for name in ("registered_at", "last_event_at", "delivered_told_at"):
        fields[name] = local(fields[name], zone)
    fields["asked_next"] = "; ".join(_next(one, zone) for one in asked) or (
        "never: no carrier of it is asked"
    )
    return fields


def _next(asked: dict[str, Any], zone: "ZoneInfo") -> str:
    """Say when a carrier is asked for a parcel; of a closed shipment never."""
    when: datetime | None = asked["nextAt"]
    text = shown(local(when, zone)) if when else "never, the shipment is closed"
    return f"{text} (contract {asked['contract']}, volume {asked['volume']})"


def _lines(found: "Shown", zone: "ZoneInfo") -> Iterator[tuple[Any, str, str]]:
    """Yield what happened, what VTEX was told and answered, and what people did."""
    timeline = found.timeline
    for event in timeline.events:
        told = _event(event, several=found.volumes > 1)
        yield local(event.occurred_at, zone), f"event {event.id}", told
    for call in timeline.calls:
        said = f"{call.status or 'no answer'} {call.words or ''}".rstrip()
        yield local(call.stored_at, zone), f"call: {call.kind}", said
    for note in timeline.notes:
        yield local(note.at, zone), "note", note.text


def _event(event: "EventLine", *, several: bool) -> str:
    """Say what happened, and whether it is believed."""
    told = f"{event.milestone} ({event.carrier_code}) {event.description}".rstrip()
    box = f"volume {event.volume}: " if event.volume and several else ""
    if event.judged:
        return f"{box}{told}; {event.judged}"
    waits = event.quarantined_because
    return f"{box}{told}; quarantined because {waits}" if waits else f"{box}{told}"
