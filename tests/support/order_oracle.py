"""What VTEX must show of an order in the end, computed without the relay's code.

A story is what happened to one order: its label, its numbers, what its carriers
reported, and what ERP, shopper and other systems did with it in VTEX. Each scan has a
text of its own, so that what VTEX shows can be traced to the report.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

Source = tuple[str, str]
"""Who reports by which reference: a contract, and a tracking number or an order."""
Call = dict[str, Any]
"""A request or an accepted write, as the sandbox lists them."""

DOUBTFUL: Final = frozenset({"cut", "late", 408, 409, 425, 500, 502, 504})
WRITES: Final = frozenset({"patch", "put"})
TWICE: Final = 2
OK: Final = 200


@dataclass(frozen=True)
class Told:
    """One scan as it was reported; a trap must never be published."""

    text: str
    at: datetime
    happened: datetime
    source: Source
    delivers: bool = False
    trap: bool = False


@dataclass
class Story:
    """What happened to one order.

    `sources` are those that count now, with their volume; `former` those that do not
    any more, and since when. `ended` is since when VTEX shows the order as ended.
    `astray` says that the relay cannot know which invoice is meant.
    """

    order: str
    way: str
    contract: str
    number: str
    invoice: str = "1"
    numbers: int = 1
    registered_at: datetime | None = None
    volumes: int = 1
    sources: dict[Source, int] = field(default_factory=dict)
    former: dict[Source, datetime] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    ended: datetime | None = None
    cancelling: bool = False
    astray: bool = False
    delivered_elsewhere: datetime | None = None
    invoices: list[str] = field(default_factory=lambda: ["1"])

    @property
    def must(self) -> set[str]:
        """Return the texts that VTEX must show."""
        if self.registered_at is None or self.ended or self.astray:
            return set()
        if self.delivered_elsewhere:
            return set()
        return {t.text for t in self.told if t.source in self.sources and not t.trap}

    @property
    def may(self) -> set[str]:
        """Return the texts that VTEX may show."""
        return {t.text for t in self.told if not t.trap and self._counted(t)}

    def _counted(self, told: Told) -> bool:
        until = self.former.get(told.source)
        return told.source in self.sources or (until is not None and told.at <= until)

    @property
    def delivered(self) -> bool:
        """Whether every volume was delivered."""
        volumes = {
            self.sources[t.source]
            for t in self.told
            if t.delivers and not t.trap and t.source in self.sources
        }
        return len(volumes) == self.volumes

    def arrived(self, volume: int) -> bool:
        """Whether a volume was delivered."""
        return any(t.delivers and self.sources.get(t.source) == volume
                   for t in self.told)  # fmt: skip

    def move(self, source: Source, since: datetime) -> None:
        """Let a source count no more."""
        self.sources.pop(source, None)
        self.former[source] = since


def scan_of(text: str) -> str:
    """Return the scan's own text; with several volumes a prefix names the volume."""
    return text.rpartition(": ")[2]


def is_lost(call: Call) -> bool:
    """Whether a write's caller cannot know whether it was carried out."""
    return call["kind"] in WRITES and call["answered"] in DOUBTFUL


def repeats(writes: Iterable[Call]) -> list[Call]:
    """Return the updates that hold a scan which an earlier one has told already.

    Only what was carried out counts, and each invoice by itself. A delivery alone may
    repeat the latest scan, because VTEX needs one.
    """
    told: dict[str, set[str]] = {}
    found = []
    for write in sorted(writes, key=lambda w: (w["carriedOutAt"], w["sequence"])):
        known = told.setdefault(write["invoiceNumber"], set())
        texts = [scan_of(e["description"]) for e in write["body"]["events"]]
        only = write["body"]["isDelivered"] and len(texts) == 1
        if known.intersection(texts) and not only:
            found.append(write)
        known.update(texts)
    return found


def appending_known_at(
    reads: Sequence[Call], updates: Sequence[Call]
) -> datetime | None:
    """Return when the relay first read an order that shows events twice.

    Of an update without an answer it cannot know whether it was one of them.
    """
    for read in reads:
        before = [
            u
            for u in updates
            if u["orderId"] == read["orderId"]
            and u["answered"] == OK
            and u["carriedOutAt"] <= read["at"]
        ]
        if len(before) >= TWICE and repeats(before):
            at: datetime = read["at"]
            return at
    return None


def written_after_end(calls: Sequence[Call], since: datetime) -> list[Call]:
    """Return the writes of an order of which the latest read had shown the end."""
    return [
        c
        for c in calls
        if c["kind"] in WRITES
        and (read := _latest_read(calls, c["sequence"])) is not None
        and is_seen(read)
        and read["at"] > since
    ]


def taken_back(
    calls: Sequence[Call], updates: Sequence[Call], since: datetime
) -> list[Call]:
    """Return the updates that take back what the latest read had shown as delivered.

    An update that was under way may have taken it back before that read.
    """
    return [
        u
        for u in updates
        if not u["body"]["isDelivered"]
        and (read := _latest_read(calls, u["call"])) is not None
        and is_seen(read)
        and read["at"] > since
        and not any(since <= other["carriedOutAt"] <= read["at"] for other in updates)
    ]


def _latest_read(calls: Sequence[Call], before: int) -> Call | None:
    """Return the last read that was answered before a call."""
    reads = [
        c
        for c in calls
        if c["kind"] == "get" and c["answered"] == OK and c["sequence"] < before
    ]
    return reads[-1] if reads else None


def is_seen(call: Call) -> bool:
    """Whether a call showed an order as it was at that moment."""
    shown = call["kind"] == "get" and call["answered"] == OK
    return shown and call["fault"] is None
