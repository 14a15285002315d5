"""What an account's updates do to VTEX's list of events, learned from ordinary ones.

VTEX does not document whether an update replaces its list, merges with it or appends to
it. What an order shows after two updates tells, so no write is needed to find out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.domain.shipment import Policy, PublishedEvent, Snapshot
from relay.outbound.differences import missing_events
from relay.outbound.gates import Amend
from relay.store.accounts import AccountState
from relay.vtex.bodies import instants, tidy
from relay.vtex.orders import PackageView, ShownKey

ListMode = Literal[
    "replaces", "merges", "appends", "replaces_or_merges", "merges_or_appends"
]
_VERBS: Final = {"appends": "appends to", "replaces": "replaces"}
_UNSURE: Final = frozenset({None, "replaces_or_merges", "merges_or_appends"})
_STAYS: Final = frozenset({"appends", "merges", "merges_or_appends"})
_SECOND: Final = 2
_MOST_REMEMBERED: Final = 5


@dataclass(frozen=True, slots=True)
class LearnedMode:
    """What an order showed, in words for the operator."""

    mode: ListMode
    evidence: str

    def amend(self, now: datetime) -> Amend:
        """Return the change that stores it in the account's row."""

        def amend(state: AccountState) -> None:
            state.list_mode, state.list_mode_evidence = self.mode, self.evidence
            state.list_mode_at = micros(now)

        return amend

    def alert(self, policy: Policy) -> str | None:
        """Return what an operator should know; None if the setting fits."""
        needed = needed_events(policy.events, self.mode)
        if needed == policy.events:
            return None
        return (
            f"an update {_VERBS[self.mode]} VTEX's list of events ({self.evidence}); "
            f'the relay uses events = "{needed}" for this account now; write it in the '
            "settings"
        )


def needed_events(
    configured: Literal["full", "delta"], mode: str | None
) -> Literal["full", "delta"]:
    """Return what updates must hold in an account, whatever is configured."""
    if mode == "appends":
        return "delta"
    return "full" if mode == "replaces" else configured


def learn(
    snapshot: Snapshot, package: PackageView, policy: Policy, state: AccountState
) -> LearnedMode | None:
    """Return what *package* shows of the account's mode, if that is news."""
    found = _mode(snapshot, package, policy)
    known = state.list_mode
    if found is None or found[0] == known:
        return None
    if found[0] in _UNSURE and known is not None:
        return None
    # Where events were seen to stay, an update that lacks has vanished.
    if policy.events == "delta" and found[0] == "replaces" and known in _STAYS:
        return None
    updates = snapshot.read_back.updates
    order = f"order {snapshot.order_id}, invoice {snapshot.addressed_as}"
    return LearnedMode(found[0], f"{order}, {updates} updates: {found[1]}")


def _mode(
    snapshot: Snapshot, package: PackageView, policy: Policy
) -> tuple[ListMode, str] | None:
    """Return the mode that *package* proves, and by what."""
    updates = snapshot.read_back.updates
    doubles = _doubles(snapshot, package, policy.zone)
    if updates >= _SECOND and doubles:
        return "appends", f"{doubles} events are shown more than once"
    missing = missing_events(snapshot, package, policy.zone)
    if policy.events == "delta":
        return _of_delta(snapshot, missing)
    return _of_full(snapshot, package) if updates and not missing else None


def _of_full(snapshot: Snapshot, package: PackageView) -> tuple[ListMode, str] | None:
    """Return what updates with all events prove, if each is shown once."""
    before, accepted = snapshot.read_back.shown_before, len(snapshot.accepted)
    still = before & {digest(key) for key in package.shown}
    if before and not still:
        return "replaces", "events of another system are gone"
    if snapshot.read_back.updates < _SECOND or accepted < _SECOND:
        return None
    if before and still == before:
        return "merges", "events of another system are still shown, each once"
    return "replaces_or_merges", f"each of {accepted} events is shown once"


def _of_delta(
    snapshot: Snapshot, missing: Sequence[PublishedEvent]
) -> tuple[ListMode, str] | None:
    """Return what updates with new events only prove: what was sent before stays.

    A read from a copy that is late lacks the latest event, and proves nothing.
    """
    accepted = snapshot.accepted
    if snapshot.read_back.updates < _SECOND or len(accepted) < _SECOND:
        return None
    if not missing:
        return "merges_or_appends", f"all of {len(accepted)} events are shown"
    latest = max(accepted, key=lambda e: (e.occurred_at, e.position))
    if latest not in missing:
        return "replaces", f"{len(missing)} of {len(accepted)} events are gone"
    return None


def _doubles(snapshot: Snapshot, package: PackageView, zone: ZoneInfo) -> int:
    """Return how many of our events VTEX shows more often than they were sent."""
    shown = Counter((e.instant, e.text) for e in package.data if e.instant)
    # Of two events that look alike, an update holds one: see event_objects.py.
    objects = {tuple(sorted(e.object.items())): e.object for e in snapshot.accepted}
    sent: Counter[tuple[str, str]] = Counter(
        (one["date"], tidy(one["description"])) for one in objects.values()
    )
    return sum(
        any(shown[instant, text] > times for instant in instants(date, zone))
        for (date, text), times in sent.items()
    )


def shown_before(snapshot: Snapshot, package: PackageView) -> frozenset[str]:
    """Return digests of a few events that *package* shows before the first update."""
    if snapshot.read_back.updates or snapshot.published:
        return frozenset()
    return frozenset(digest(key) for key in sorted(package.shown)[:_MOST_REMEMBERED])


def digest(key: ShownKey) -> str:
    """Return a digest of an event: its text may have personal data."""
    instant, text = key
    return sha256(f"{micros(instant)} {text}".encode()).hexdigest()[:16]
