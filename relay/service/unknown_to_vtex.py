"""Rows and counts of the work list `unknown-to-vtex`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.clock import moment
from relay.config.settings import Settings
from relay.domain.unknown_to_vtex import ACTORS, Actor, Lack
from relay.service.models import ResponseModel
from relay.service.worklist_models import UnknownToVtexEntry, WaitingEntry

_SINCE: Final[Mapping[Lack, tuple[str, ...]]] = {
    Lack.NO_TRACKING_NUMBER: ("registered_at",),
    Lack.STUCK: ("stuck_at",),
    Lack.QUARANTINED: ("quarantined_at",),
    Lack.UNCONFIRMED: ("in_doubt_since", "failing_since"),
}
_OTHERWISE: Final = ("failing_since", "events_waiting_since", "ready_at", "tried_at")
"""Columns with the time since when VTEX lacks something; the first one counts."""
_EXPIRES: Final = frozenset({Lack.NO_TRACKING_NUMBER, Lack.QUARANTINED})


class LackCount(ResponseModel):
    """How many shipments lack something for one kind of reason, and who acts next."""

    lack: Lack
    next_actor: Actor
    shipments: int
    oldest_since: datetime


class UnknownCounts(ResponseModel):
    """Shipments that VTEX does not know fully; `complete` if all were counted."""

    total: int
    complete: bool
    counts: tuple[LackCount, ...]


def unknown_entry(
    row: Mapping[str, Any], zone: ZoneInfo, settings: Settings, now: datetime
) -> UnknownToVtexEntry:
    """Return a row of the list with times in the account's zone."""
    lack = row["lack"]
    names = ("id", "account", "contract", "order_id", "invoice_number")
    return UnknownToVtexEntry(
        **{name: row[name] for name in (*names, "tracking_number")},
        state=row["state"],
        lack=lack,
        why=row["why"],
        since=_since(row, now).astimezone(zone),
        next_actor=_actor(row, settings),
        next_try_at=_in_zone(_next_try(row), zone),
        gives_up_at=_in_zone(_gives_up(row, settings), zone),
    )


def waiting_entry(
    base: Mapping[str, Any], row: Mapping[str, Any], zone: ZoneInfo, now: datetime
) -> WaitingEntry:
    """Return a row of the list `waiting`; *base* are the shipment's own fields."""
    return WaitingEntry(
        **base,
        why=row["why"],
        since=_since(row, now).astimezone(zone),
        next_try_at=_in_zone(_next_try(row), zone),
    )


def count_lacks(
    entries: Iterable[UnknownToVtexEntry], *, complete: bool
) -> UnknownCounts:
    """Count *entries* by the kind of reason and who acts next, most first."""
    numbers: Counter[tuple[Lack, Actor]] = Counter()
    oldest: dict[tuple[Lack, Actor], datetime] = {}
    for entry in entries:
        kind = (entry.lack, entry.next_actor)
        numbers[kind] += 1
        oldest[kind] = min(oldest.get(kind, entry.since), entry.since)
    return UnknownCounts(
        total=numbers.total(),
        complete=complete,
        counts=tuple(
            LackCount(
                lack=lack,
                next_actor=actor,
                shipments=number,
                oldest_since=oldest[lack, actor],
            )
            for (lack, actor), number in numbers.most_common()
        ),
    )


def _in_zone(when: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return a time in *zone*, None for None."""
    return None if when is None else when.astimezone(zone)


def _since(row: Mapping[str, Any], now: datetime) -> datetime:
    """Return since when VTEX lacks what it lacks."""
    columns = (*_SINCE.get(row["lack"], _OTHERWISE), "registered_at")
    times = (row[column] for column in columns)
    return min(moment(next(t for t in times if t is not None)), now)


def _actor(row: Mapping[str, Any], settings: Settings) -> Actor:
    """Return who acts next; a carrier's first event can give the number."""
    contract = settings.contracts.get(row["contract"])
    adopts = contract is not None and contract.tracking_number == "from_carrier"
    if row["lack"] is Lack.NO_TRACKING_NUMBER and adopts:
        return Actor.CARRIER
    return ACTORS[row["lack"]]


def _next_try(row: Mapping[str, Any]) -> datetime | None:
    """Return when the relay tries next; None if it waits for someone.

    A time in the past means at once.
    """
    if row["gated"]:
        opens = row["opens_at"]
        return None if opens is None else moment(opens)
    ready = row["ready_at"] if row["lease"] is None else row["due_at"]
    if ready is None or row["lack"] in _EXPIRES:
        return None
    return moment(ready)


def _gives_up(row: Mapping[str, Any], settings: Settings) -> datetime | None:
    """Return when the relay stops trying; None if it never does, or has done so."""
    lack = row["lack"]
    if lack is Lack.NOT_IN_VTEX and row["failing_since"] is not None:
        return moment(row["failing_since"]) + settings.publisher.not_yet_hours
    if lack not in _EXPIRES or row["closed_at"] is not None:
        return None
    times = (row["registered_at"], row["last_event_at"], row["tried_at"])
    latest = moment(max(t for t in times if t is not None))
    return latest + _expires_after(row["contract"], settings)


def _expires_after(contract: str, settings: Settings) -> timedelta:
    known = settings.contracts.get(contract)
    return known.expire_days if known else settings.retention.expire_days
