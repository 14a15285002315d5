"""Due parcels with what their schedule depends on, and the state of a contract."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from relay.clock import EPOCH, micros, moment
from relay.domain.events import (
    Effect,
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    is_real_date,
)
from relay.domain.poll_schedule import COUNTED, DueParcel, PollUpdate, later
from relay.store.codec import at, ids
from relay.store.database import Row, Transaction


async def read_parcels(
    tx: Transaction, contract: str, rows: Sequence[Row]
) -> list[DueParcel]:
    """Load events and references of due parcels."""
    if not rows:
        return []
    these = ids("shipment", (r["shipment"] for r in rows))
    latest = _latest_events(
        await tx.rows("poll_events_of_shipments", rows=these, contract=contract)
    )
    found = await tx.rows("references_to_poll", rows=these, contract=contract)
    references = _references(found)
    return [_parcel(r, latest, references) for r in rows]


def _latest_events(rows: Iterable[Row]) -> Mapping[tuple[int, int], PollUpdate]:
    """Return the latest event of each volume; 0 is the whole invoice."""
    found: dict[tuple[int, int], PollUpdate] = {}
    for row in rows:
        parcel = (row["shipment"], row["volume"])
        old, received_at = found.get(parcel, PollUpdate()), moment(row["received_at"])
        latest = max(filter(None, (old.received_at, received_at)))
        milestone = Milestone(row["milestone"])
        counts = Effect(row["effect"]) in COUNTED and milestone is not Milestone.UNKNOWN
        occurred_at = moment(row["occurred_at"])
        if counts and is_real_date(occurred_at, received_at):
            found[parcel] = PollUpdate(milestone, occurred_at, latest)
        else:
            found[parcel] = PollUpdate(old.milestone, old.occurred_at, latest)
    return found


def _references(
    rows: Iterable[Row],
) -> Mapping[tuple[int, int], tuple[Reference, ...]]:
    found: dict[tuple[int, int], list[Reference]] = defaultdict(list)
    for row in rows:
        reference = Reference(kind=ReferenceKind(row["kind"]), value=row["given"])
        found[row["shipment"], row["volume"]].append(reference)
    return {parcel: tuple(items) for parcel, items in found.items()}


def _parcel(
    row: Row,
    latest: Mapping[tuple[int, int], PollUpdate],
    references: Mapping[tuple[int, int], tuple[Reference, ...]],
) -> DueParcel:
    own, whole = (row["shipment"], row["volume"]), (row["shipment"], 0)
    view = ParcelView(
        references.get(own, ()) + references.get(whole, ()),
        row["tracking_number"] or "",
        row["invoice_key"] or "",
        row["volume"],
    )
    return DueParcel(
        shipment=row["shipment"],
        contract=row["contract"],
        volume=row["volume"],
        registered_at=moment(row["registered_at"]),
        polled_at=at(row["polled_at"]),
        last_event=later(
            latest.get(own, PollUpdate()), latest.get(whole, PollUpdate())
        ),
        lane=row["poll_lane"],
        failures=row["poll_failures"],
        closed=row["closed_at"] is not None,
        resting=bool(row["at_rest"]),
        view=view,
    )


OPENS_AFTER: Final = 5
"""So many failures in a row open the circuit breaker."""
SHORTEST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(days=1)
"""The longest Retry-After that is obeyed."""
LONGEST_LEASE: Final = timedelta(minutes=10)
SLACK: Final = timedelta(minutes=10)
"""How much the clocks of replicas may differ."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Limits of a contract: the time between calls, and calls per day in its zone."""

    spacing: timedelta = timedelta(seconds=1)
    quota: int | None = None
    zone: tzinfo = UTC

    def day(self, now: datetime) -> int:
        """Return the day number of *now* in the contract's zone."""
        return now.astimezone(self.zone).date().toordinal()

    def bounds(self, day: int) -> tuple[datetime, datetime]:
        """Return begin and end of a day in the contract's zone."""
        return self._midnight(day), self._midnight(day + 1)

    def _midnight(self, day: int) -> datetime:
        first = date.fromordinal(day)
        local = datetime(first.year, first.month, first.day, tzinfo=self.zone)
        return local.astimezone(UTC)


@dataclass(slots=True)
class PollState:
    """One contract's row; times are microseconds, as stored."""

    contract: str
    day: int = 0
    used: int = 0
    calls: int = 0
    next_at: int = 0
    lease: str | None = None
    busy_until: int = 0
    failures: int = 0
    open_until: int = 0
    reason: str | None = None
    cursor: str = ""
    fetch_at: int = 0
    answered_at: int | None = None

    @classmethod
    def of(cls, row: Row) -> "PollState":
        """Return the state of a row of `polls`."""
        return cls(**{name: row[name] for name in cls.__slots__})

    def columns(self) -> Mapping[str, Any]:
        """Return the parameters of `save_poll`."""
        return asdict(self)

    def free_at(self, now: datetime, allowance: Allowance) -> datetime:
        """Return when the next call is allowed; a past time means now.

        Times further ahead than possible were written under a wrong clock and ignored.
        """
        return max(
            effective_allowance(self.next_at, now + allowance.spacing),
            effective_allowance(self.busy_until, now + LONGEST_LEASE),
            effective_allowance(self.open_until, now + LONGEST_WAIT),
            self._share_at(now, allowance),
        )

    def _share_at(self, now: datetime, allowance: Allowance) -> datetime:
        """Return when the quota allows the next call, spread evenly over the day."""
        begins, ends = allowance.bounds(allowance.day(now))
        used = self.used_on(allowance.day(now))
        if allowance.quota is None:
            return begins
        if used >= allowance.quota:
            return ends
        return begins + (ends - begins) * used / allowance.quota

    def used_on(self, today: int) -> int:
        """Return the calls on a day; setting the clock back does not reset them."""
        return self.used if self.day in (today, today + 1) else 0

    def charge(
        self, now: datetime, allowance: Allowance, lease: str, until: datetime
    ) -> None:
        """Count one call before it is made, and lease the contract until *until*."""
        today = allowance.day(now)
        self.used = self.used_on(today) + 1
        self.day = self.day if self.day == today + 1 else today
        self.calls += 1
        self.next_at = micros(now + allowance.spacing)
        self.lease, self.busy_until = lease, micros(until)

    def release(self, began: datetime, allowance: Allowance) -> None:
        """Release the contract; spacing is measured from the start of this call."""
        self.lease, self.busy_until = None, 0
        self.next_at = max(self.next_at, micros(began + allowance.spacing))

    def succeed(self, now: datetime) -> None:
        """Close the circuit breaker after an answer at *now*."""
        self.answered_at = micros(now)
        self.failures, self.open_until, self.reason = 0, 0, None

    def fail(self, now: datetime, reason: str, wait: float | None) -> bool:
        """Count a failure; return whether it opened the circuit breaker.

        *wait* is the carrier's Retry-After in seconds.
        """
        self.failures += 1
        self.reason = reason
        pause = pause_after(self.failures)
        if wait is not None:
            pause = max(pause, min(timedelta(seconds=max(wait, 0)), LONGEST_WAIT))
        self.open_until = micros(now + pause)
        return self.failures == OPENS_AFTER


def pause_after(failures: int) -> timedelta:
    """Return how long the circuit breaker stays open after so many failures."""
    if failures < OPENS_AFTER:
        return timedelta(0)
    doublings = min(failures - OPENS_AFTER, 10)
    return min(SHORTEST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def effective_allowance(stored: int, latest: datetime) -> datetime:
    """Return a stored time, or the epoch if it is well after *latest*."""
    when = moment(stored)
    return when if when <= latest + SLACK else EPOCH
