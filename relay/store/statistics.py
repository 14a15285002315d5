"""Statistics of carriers: counted in slices, so that a page only adds up days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.clock import EPOCH, micros, moment
from relay.store.codec import readable_at, rows
from relay.store.database import Database, Row, Transaction

SLICE: Final = 5_000
"""Events, shipments and deliveries of one transaction, each at most."""
SETTLE: Final = timedelta(minutes=1)
"""How long what is counted must be stored: PostgreSQL commits numbers out of order."""
COUNTED: Final = (
    ("event", "last_event_until", "add_event_days"),
    ("shipment", "last_shipment_until", "add_registered_days"),
)
"""What is counted by its key: the column, and the queries of a slice."""
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_DAY: Final = EPOCH.date()


def number_of(day: date) -> int:
    """Return the number of a day: days since 1970."""
    return (day - _FIRST_DAY).days


def day_of(number: int) -> date:
    """Return the day of a number of days since 1970."""
    return _FIRST_DAY + timedelta(days=number)


@dataclass(frozen=True, slots=True)
class CarrierDays:
    """The counted days of a contract, and until when everything was counted."""

    days: Sequence[Row]
    deliveries: Sequence[Row]
    counted_at: datetime | None


class CarrierStatistics:
    """The statistics in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_contract(self, contract: str, since: date, until: date) -> CarrierDays:
        """Return the days of a contract, from the first to the last one."""
        bounds = {"since": number_of(since), "until": number_of(until)}
        async with self._database.reading() as tx:
            days = await tx.rows("carrier_days_of", contract=contract, **bounds)
            deliveries = await tx.rows(
                "carrier_deliveries_of", contract=contract, **bounds
            )
            state = await tx.row("statistics_state")
        counted = None if state is None else readable_at(state["counted_at"])
        return CarrierDays(days, deliveries, counted)

    async def count(self, zones: Mapping[str, ZoneInfo], now: datetime) -> bool:
        """Count the next slice; return whether more may be left.

        *zones* are those of the contracts, by name.
        """

        async def work(tx: Transaction) -> bool:
            return await _count(tx, zones, now)

        return await self._database.write_in_one_go(work, lazy=True)


async def _count(tx: Transaction, zones: Mapping[str, ZoneInfo], now: datetime) -> bool:
    state = await tx.row("statistics_progress")
    state = state or (await tx.rows("begin_statistics"))[0]
    until = {"until": micros(now - SETTLE), "most": SLICE}
    offsets = rows(
        {"contract": name, "offset": _offset(zone, now)} for name, zone in zones.items()
    )
    reached: dict[str, Any] = {"event": state["event"], "shipment": state["shipment"]}
    for kind, last_of, query in COUNTED:
        last = await tx.row(last_of, after=reached[kind], **until)
        if last is not None:
            after, upto = reached[kind], last[kind]
            await tx.run(query, zones=offsets, after=after, upto=upto)
            reached[kind] = upto
    reached |= await _count_deliveries(tx, state, zones, until["until"])
    more = any(reached[name] != state[name] for name in reached)
    counted_at = state["counted_at"] if more else until["until"]
    await tx.run("save_statistics_progress", **reached, counted_at=counted_at)
    return more


def _offset(zone: ZoneInfo, now: datetime) -> int:
    """Return how far the clocks in *zone* are ahead of UTC, in microseconds."""
    ahead = now.astimezone(zone).utcoffset() or timedelta(0)
    return ahead // _MICROSECOND


async def _count_deliveries(
    tx: Transaction, state: Row, zones: Mapping[str, ZoneInfo], until: int
) -> dict[str, int]:
    """Count the next deliveries; return the last one."""
    at, shipment = state["delivered_at"], state["delivered_shipment"]
    found = await tx.rows(
        "deliveries_after", at=at, shipment=shipment, until=until, limit=SLICE
    )
    counted: dict[tuple[str, int, str], dict[str, int]] = {}
    for row in found:
        zone = zones.get(row["contract"]) or ZoneInfo("UTC")
        when = moment(row["occurred_at"] or row["delivered_published_at"])
        day = number_of(when.astimezone(zone).date())
        key = (row["contract"], day, (row["state"] or "").strip().upper())
        numbers = counted.setdefault(key, dict.fromkeys(_NUMBERS, 0))
        for name, number in _numbers(row, when, day).items():
            numbers[name] += number
    names = ("contract", "day", "state")
    values = [dict(zip(names, key, strict=True)) | n for key, n in counted.items()]
    await tx.many("add_deliveries", values)
    if found:
        at, shipment = found[-1]["delivered_published_at"], found[-1]["shipment"]
    return {"delivered_at": at, "delivered_shipment": shipment}


_NUMBERS: Final = ("delivered", "travelled", "travel_seconds", "promised", "late")


def _numbers(row: Row, when: datetime, day: int) -> dict[str, int]:
    """Return what one delivery adds to the numbers of its day."""
    travelled = row["dispatched_at"] is not None
    seconds = (micros(when) - row["dispatched_at"]) // 1_000_000 if travelled else 0
    promised = row["promised_on"]
    late = promised is not None and promised[:10] < day_of(day).isoformat()
    return {
        "delivered": 1,
        "travelled": int(travelled),
        "travel_seconds": max(seconds, 0),
        "promised": int(promised is not None),
        "late": int(late),
    }
