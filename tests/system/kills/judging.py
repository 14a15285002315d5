"""Compares what the sandbox received with what the relay acknowledged; pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from tests.system.kills.loading import READABLE_ACCOUNT, Parcel

IN_FLIGHT: Final = timedelta(seconds=1)
"""A call that began longer ago was answered, and the answer recorded."""
GUARD: Final = "Etiqueta emitida"
"""The relay's own event, which makes VTEX send the first e-mail."""
READABLE: Final = "where orders can be read"
"""This account reads an order before it retries: nothing is published twice."""

Key = tuple[str, str]
Shown = Mapping[Key, Mapping[str, Any]]


@dataclass(frozen=True)
class Write:
    """A write that VTEX accepted; *at* is when the call arrived."""

    key: Key
    at: datetime
    content: tuple[str, Any]


def shown_of(orders: Sequence[Mapping[str, Any]]) -> Shown:
    """Return the courier's status of each order."""
    return {
        (o["account"], o["orderId"]): o["invoices"][0]["courierStatus"] or {}
        for o in orders
    }


def writes_of(
    published: Sequence[Mapping[str, Any]], calls: Sequence[Mapping[str, Any]]
) -> list[Write]:
    """Return the accepted writes in the order in which they were accepted."""
    arrived = {c["sequence"]: datetime.fromisoformat(c["at"]) for c in calls}
    return [
        Write((t["account"], t["orderId"]), arrived[t["call"]], (t["kind"], t["body"]))
        for t in published
    ]


def missing(parcels: Sequence[Parcel], shown: Shown) -> list[str]:
    """Name what was acknowledged and is not shown, a delivery's state included."""
    return [
        f"{parcel.key} {scan.code} {scan.at}"
        for parcel in parcels
        for scan in parcel.acknowledged
        if scan.fact not in _facts(shown[parcel.key])
    ] + [
        f"{parcel.key} is not delivered"
        for parcel in parcels
        if parcel.delivered and not shown[parcel.key].get("finished")
    ]


def invented(parcels: Sequence[Parcel], shown: Shown) -> list[str]:
    """Name what is shown, and was not said, or is shown twice."""
    found = []
    for parcel in parcels:
        snapshot = _facts(shown[parcel.key])
        said = {scan.fact for scan in parcel.acknowledged}
        foreign = [f for f in snapshot if f not in said and f[1] != GUARD]
        found += [f"{parcel.key} {fact}" for fact in foreign]
        found += [
            f"{parcel.key} {f} twice" for f, n in Counter(snapshot).items() if n > 1
        ]
        if shown[parcel.key].get("finished") and not parcel.delivered:
            found.append(f"{parcel.key} is delivered")
    return found


def in_flight(writes: Sequence[Write], kills: Sequence[datetime], most: int) -> int:
    """Count the writes that may have been under way, over all *kills*.

    *most* is how many an account may have under way at once.
    """
    histories = list(_histories(writes))
    return sum(_in_flight_at(kill, histories, most) for kill in kills)


def _in_flight_at(
    kill: datetime, histories: Sequence[Sequence[Write]], most: int
) -> int:
    last = (_last_before(history, kill) for history in histories)
    by_account = Counter(write.key[0] for write in last if write is not None)
    return sum(min(count, most) for count in by_account.values())


def repeated(writes: Sequence[Write], kills: Sequence[datetime]) -> dict[str, int]:
    """Count repeated writes, by whether the first was in flight at a kill."""
    counts = dict.fromkeys(("after a kill", "without a kill", READABLE), 0)
    for history in _histories(writes):
        again = len(history) - len({repr(write.content) for write in history})
        explained = sum(
            _repeats_after_a_kill(history, pair, kills) for pair in pairwise(history)
        )
        counts["after a kill"] += explained
        counts["without a kill"] += again - explained
        counts[READABLE] += again if history[0].key[0] == READABLE_ACCOUNT else 0
    return counts


def _repeats_after_a_kill(
    history: Sequence[Write], pair: tuple[Write, Write], kills: Sequence[datetime]
) -> bool:
    first, second = pair
    return first.content == second.content and any(
        kill < second.at and _last_before(history, kill) is first for kill in kills
    )


def _facts(status: Mapping[str, Any]) -> list[tuple[datetime, str]]:
    return [
        (datetime.fromisoformat(e["lastChange"]), e["description"])
        for e in status.get("data", [])
    ]


def _histories(writes: Sequence[Write]) -> Iterator[list[Write]]:
    by_key: dict[Key, list[Write]] = defaultdict(list)
    for write in writes:
        by_key[write.key].append(write)
    yield from by_key.values()


def _last_before(history: Sequence[Write], kill: datetime) -> Write | None:
    """Return the last write before *kill*, if it may have been under way."""
    before = [w for w in history if w.at <= kill]
    if before and kill - before[-1].at <= IN_FLIGHT:
        return before[-1]
    return None
