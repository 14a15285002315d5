"""Steps of random histories of orders: what ERP, carriers and other systems do."""

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

Way = Literal["api", "file", "endpoint", "feed"]
"""How the relay gets to know a parcel."""


@dataclass(frozen=True)
class Arrive:
    """An order's label is printed, in the way that its order has."""

    order: int


@dataclass(frozen=True)
class Scan:
    """The carrier reports a scan.

    `late` is how many seconds before it happened. A trap looks like a delivery and is
    none: it has no effect, or is another parcel's. `ahead` is about the number that the
    next correction brings.
    """

    order: int
    kind: Literal["scan", "delivery", "trap", "ahead", "again"]
    late: int = 0
    volume: int = 1


@dataclass(frozen=True)
class Correct:
    """The ERP corrects a label."""

    order: int
    what: Literal["number", "relabel", "page", "handover", "volumes", "print"]


@dataclass(frozen=True)
class Exchange:
    """The ERP exchanges the invoice of a live order."""

    order: int
    zeros: bool


@dataclass(frozen=True)
class End:
    """The order is cancelled or replaced, or its cancellation is requested."""

    order: int
    status: Literal["canceled", "replaced", "cancellation-requested"]


@dataclass(frozen=True)
class Other:
    """Another system writes the same package."""

    order: int
    what: Literal["events", "delivery", "number"]


@dataclass(frozen=True)
class Trouble:
    """VTEX fails the next calls."""

    kind: str
    call: str | None
    times: int
    status: int | None = None
    delay: int = 0


@dataclass(frozen=True)
class Kill:
    """The process dies after so many commits and calls."""

    steps: int


Step = Arrive | Scan | Correct | Exchange | End | Other | Trouble | Kill


@dataclass(frozen=True)
class OrderHistory:
    """Steps, each after a pause in seconds, and how VTEX and the account behave."""

    ways: tuple[tuple[Way, bool], ...]
    steps: tuple[tuple[int, Step], ...]
    events: str
    mode: str
    first_email: str
    adopts: bool


ORDERS = st.sampled_from([0, 0, 1])
SHORT, LONG = [1, 1, 2, 5, 30], [700, 4000, 4000, 8000, 90_000]
pauses = st.sampled_from([*SHORT, *LONG])

scans = st.builds(
    Scan,
    ORDERS,
    st.sampled_from(
        [
            "scan",
            "scan",
            "scan",
            "scan",
            "delivery",
            "delivery",
            "trap",
            "ahead",
            "again",
        ]
    ),
    st.sampled_from([0, 0, 0, 300]),
    st.sampled_from([1, 1, 2]),
)
corrections = st.builds(
    Correct,
    ORDERS,
    st.sampled_from(
        ["number", "number", "relabel", "page", "handover", "volumes", "print"]
    ),
)
exchanges = st.builds(Exchange, ORDERS, st.booleans())
ends = st.builds(
    End,
    ORDERS,
    st.sampled_from(["canceled", "replaced", "cancellation-requested"]),
)
others = st.builds(
    Other, ORDERS, st.sampled_from(["events", "events", "delivery", "number"])
)
calls = st.sampled_from([None, "get", "patch", "put", "put"])
times = st.integers(1, 2)
troubles = (
    st.builds(
        Trouble,
        st.just("status"),
        calls,
        times,
        status=st.sampled_from([404, 429, 500, 503]),
    )
    | st.builds(Trouble, st.sampled_from(["cut_before", "cut_after"]), calls, times)
    | st.builds(
        Trouble, st.just("late"), calls, times, delay=st.sampled_from([1, 40, 85])
    )
    | st.builds(Trouble, st.just("refuse_after"), calls, times, status=st.just(500))
    | st.builds(
        Trouble, st.just("vanish"), st.sampled_from(["put", "patch"]), st.just(1)
    )
    | st.builds(Trouble, st.just("stale"), st.just("get"), st.just(1))
)
kills = st.builds(Kill, st.integers(0, 12))


def _weighted(**parts: tuple[int, st.SearchStrategy[Step]]) -> st.SearchStrategy[Step]:
    """Choose a kind of step by its weight; `one_of` would flatten the kinds."""
    names = [name for name, (weight, _) in parts.items() for _ in range(weight)]
    return st.sampled_from(names).flatmap(lambda name: parts[name][1])


steps = _weighted(
    scans=(9, scans),
    corrections=(3, corrections),
    exchanges=(2, exchanges),
    ends=(1, ends),
    others=(2, others),
    troubles=(4, troubles),
    kills=(1, kills),
)


def _course(*kinds: str) -> st.SearchStrategy[tuple[tuple[int, Step], ...]]:
    """Let the carrier report scans of both orders, as carriers do without trouble."""
    pairs = [
        st.tuples(pauses, st.just(Scan(order, kind)))  # type: ignore[arg-type]
        for kind in kinds
        for order in (0, 1)
    ]
    return st.tuples(*pairs)


ways: st.SearchStrategy[tuple[Way, bool]] = st.tuples(
    st.sampled_from(["api", "api", "file", "endpoint", "feed"]), st.booleans()
)
order_histories = st.builds(
    lambda ways, early, labels, course, more, end, how, email, adopts: OrderHistory(
        ways, (*early, *labels, *course, *more, *end), *how, email, adopts
    ),
    st.tuples(ways, ways),
    st.lists(st.tuples(pauses, scans | troubles), max_size=2),
    st.tuples(
        st.tuples(pauses, st.just(Arrive(0))), st.tuples(pauses, st.just(Arrive(1)))
    ),
    st.one_of(st.just(()), _course("scan"), _course("scan", "scan")),
    st.lists(st.tuples(pauses, steps), min_size=4, max_size=16),
    st.one_of(st.just(()), _course("scan"), _course("scan", "delivery")),
    st.tuples(
        st.sampled_from(["full", "delta"]),
        st.sampled_from(["merge", "replace", "append"]),
    ),
    st.sampled_from(["with_first_scan", "with_first_scan", "off"]),
    st.sampled_from([True, True, True, False]),
)
