"""The history of another parcel that had the same tracking number before."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Self

from relay.clock import whole_second
from relay.domain.shipment import WHOLE, Happening, KnownEvent, Snapshot
from relay.records import record

OTHER_INVOICE: Final = "names another order, invoice or key than the label"
OTHER_PARCEL: Final = "before the label, and a later event names another order"


@record
class OtherHistory:
    """What is known of another parcel's history, from events that name its order.

    `happenings` are these events with their volumes: other documents report them
    without the order. Scans until `until`, by volume, are from before the label.
    """

    happenings: Collection[tuple[int, Happening]]
    until: Mapping[int, datetime]
    before: datetime | None

    @classmethod
    def of(cls, others: Sequence[KnownEvent], snapshot: Snapshot) -> Self:
        """Return what *others*, events that name another order, say of it."""
        happenings: set[tuple[int, Happening]] = set()
        until: dict[int, datetime] = {}
        for event in others:
            volume = event.volume if snapshot.volumes > 1 else WHOLE
            happenings.add((volume, event.happening))
            until[volume] = max(until.get(volume, event.ends_at), event.ends_at)
        dispatched = snapshot.dispatched_at is not None
        before = None if dispatched else whole_second(snapshot.registered_at)
        return cls(happenings, until, before)

    def reason(self, event: KnownEvent) -> str | None:
        """Return why *event* is not about this parcel, or None.

        Where the dispatch is known, earlier scans are left out anyway.
        """
        volumes = {event.volume, WHOLE}
        if any((volume, event.happening) in self.happenings for volume in volumes):
            return OTHER_INVOICE
        if self.before is None or event.latest >= self.before:
            return None
        until = [self.until[volume] for volume in volumes if volume in self.until]
        return OTHER_PARCEL if until and event.occurred_at <= max(until) else None
