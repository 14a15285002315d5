"""Compares what the sandbox was told with what the relay had acknowledged. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from tests.kills.loading import Parcel

IN_FLIGHT: Final = timedelta(seconds=1)
"""A call that began longer ago was answered, and the answer recorded."""
GUARD: Final = "Etiqueta emitida"
"""The relay's own event, which makes VTEX send the first e-mail."""

Key = tuple[str, str]
Shown = Mapping[Key, Mapping[str, Any]]


@dataclass(frozen=True)
class Write:
    """A write that VTEX accepted."""

    key: Key
    at: datetime
    content: tuple[str, Any]


def shown_of(orders: Sequence[Mapping[str, Any]]) -> Shown:
    """Return the courier's status of each order."""
    return {
        (o["account"], o["orderId"]): o["invoices"][0]["courierStatus"] or {}
        for o in orders
    }


def writes_of(told: Sequence[Mapping[str, Any]]) -> list[Write]:
    """Return the accepted writes in the order in which they came."""
    return [
        Write(
            (t["account"], t["orderId"]),
            datetime.fromisoformat(t["at"]),
            (t["kind"], t["body"]),
        )
        for t in told
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
        facts = _facts(shown[parcel.key])
        said = {scan.fact for scan in parcel.acknowledged}
        foreign = [f for f in facts if f not in said and f[1] != GUARD]
        found += [f"{parcel.key} {fact}" for fact in foreign]
        found += [f"{parcel.key} {f} twice" for f, n in Counter(facts).items() if n > 1]
        if shown[parcel.key].get("finished") and not parcel.delivered:
            found.append(f"{parcel.key} is delivered")
    return found


def in_flight(writes: Sequence[Write], kills: Sequence[datetime]) -> int:
    """Count the writes that may have been under way, over all *kills*."""
    return sum(
        1
        for history in _histories(writes)
        for kill in kills
        if _last_before(history, kill) is not None
    )


def repeated(writes: Sequence[Write], kills: Sequence[datetime]) -> tuple[int, int]:
    """Count writes told again; the second number is of those no kill explains."""
    explained = unexplained = 0
    for history in _histories(writes):
        again = len(history) - len({repr(w.content) for w in history})
        by_kill = sum(
            1
            for first, second in pairwise(history)
            if first.content == second.content
            and any(
                _last_before(history, kill) is first and kill < second.at
                for kill in kills
            )
        )
        explained += by_kill
        unexplained += again - by_kill
    return explained + unexplained, unexplained


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
