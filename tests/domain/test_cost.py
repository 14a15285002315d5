"""The rules cost twice as much for twice the events: a carrier may send thousands."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from relay.domain.event_time import MINUTE
from relay.domain.events import Effect, ReferenceKind
from relay.domain.matching import KnownReference, Registration, match
from relay.domain.next_update import next_update
from relay.domain.precision import recognised
from relay.domain.publishable import publishable
from relay.domain.shipment import KnownEvent, Snapshot
from tests.domain.snapshots import NOW, POLICY, REGISTERED, event, published, snapshot
from tests.support.work import DOUBLED, operations

SECOND = 1 / 3600


def repeated(count: int, *milestones: str, **more: object) -> list[KnownEvent]:
    """Return *count* events, a second apart, that repeat some milestones."""
    return [
        event(n + 1, milestones[n % len(milestones)], n * SECOND, **more)
        for n in range(count)
    ]


def rolled_back(count: int, *, named: bool) -> list[KnownEvent]:
    """Return events of which each second one is a rollback."""
    found = repeated(count // 2, "in_transit", "delivered")
    for n, one in enumerate(list(found)):
        undoes = (one.code,) if named else ()
        hours = (n + 0.5) * SECOND
        rollback = {"effect": Effect.ROLLBACK, "code": f"R{n}", "undoes": undoes}
        found.append(event(count + n, "unknown", hours, **rollback))
    return found


def to_minute_and_second(count: int) -> list[KnownEvent]:
    seconds = [
        event(n + 1, "in_transit", n / 60 + SECOND, code="OD") for n in range(count)
    ]
    minutes = [
        event(-n - 1, "in_transit", n / 60, code="OD", precision=MINUTE)
        for n in range(count)
    ]
    return list(recognised([*minutes, *seconds], 1))


SHIPMENTS: dict[str, Callable[[int], Snapshot]] = {
    "rollbacks": lambda n: snapshot(*rolled_back(n, named=False)),
    "rollbacks_of_codes": lambda n: snapshot(*rolled_back(n, named=True)),
    "deliveries": lambda n: snapshot(*repeated(n, "delivered")),
    "contradictions": lambda n: snapshot(*repeated(n, "delivered", "delivery_failed")),
    "returns": lambda n: snapshot(*repeated(n, "returning", "delivered")),
    "precisions": lambda n: snapshot(*to_minute_and_second(n)),
    "volumes": lambda n: snapshot(*repeated(9, "delivered", volume=0), volumes=n),
    "volumes_of_their_own": lambda n: snapshot(
        *(event(v, "delivered", 30, volume=v) for v in range(1, n)), volumes=n
    ),
    "published": lambda n: snapshot(
        *(events := repeated(n, "in_transit", "held")),
        published=tuple(published(e) for e in events[::2]),
    ),
}


def rules(known: Snapshot) -> None:
    next_update(known, publishable(known, NOW, POLICY), POLICY)


@pytest.mark.parametrize("shape", SHIPMENTS)
def test_twice_the_events_cost_twice_the_work(shape: str) -> None:
    first, second = (SHIPMENTS[shape](n) for n in (200, 400))
    work = operations(lambda: rules(first))
    assert operations(lambda: rules(second)) < work * DOUBLED


def test_twice_the_events_are_recognised_with_twice_the_work() -> None:
    work = [operations(lambda n=n: to_minute_and_second(n)) for n in (200, 400)]  # type: ignore[misc]
    assert work[1] < work[0] * DOUBLED


def reused(count: int) -> tuple[Registration, ...]:
    """Return the registrations of a number that one shipment had after the other."""
    hour = timedelta(hours=1)
    return tuple(
        Registration(
            shipment=n,
            volume=1,
            registered_at=REGISTERED + n * hour,
            closed_at=REGISTERED + (n + 1) * hour,
        )
        for n in range(count)
    )


def matching(registrations: int, references: int) -> int:
    """Return the work of matching an event of several references."""
    number, order = ReferenceKind.TRACKING_NUMBER, ReferenceKind.ORDER_ID
    known = [KnownReference(0, number, "AC1", reused(registrations))]
    known += [KnownReference(n, order, f"v{n}-01") for n in range(1, references)]
    mine = {order: frozenset(f"w{n}-01" for n in range(references))}
    numbers = dict.fromkeys(range(2), mine)
    return operations(lambda: match(REGISTERED, known, numbers))


@pytest.mark.parametrize(("registrations", "references"), [(1, 2), (2, 1)])
def test_twice_the_references_are_matched_with_twice_the_work(
    registrations: int, references: int
) -> None:
    work = matching(200, 200)
    assert matching(200 * registrations, 200 * references) < work * DOUBLED
