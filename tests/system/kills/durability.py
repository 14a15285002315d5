"""Says of a traced relay which acknowledged bodies were not on disk before. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.system.kills.strace import NEVER, Call

READS: Final = frozenset({"read", "recvfrom", "recvmsg"})
WRITES: Final = frozenset({"write", "writev", "sendto", "sendmsg"})
SYNCS: Final = frozenset({"fdatasync", "fsync"})
LOG: Final = "-wal"
SOCKET: Final = "socket:"
FRAME_HEADER: Final = 24
"""Bytes that SQLite writes before each page; 4 to 8 are not 0 in a commit's last."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A page in the write-ahead log."""

    page: Call
    commits: bool


def unsafe(calls: Sequence[Call], markers: Collection[bytes]) -> dict[bytes, str]:
    """Return those of *markers* that were answered for too early, and why.

    A marker stands for the body that holds it. In this order there must be: the
    commit that writes it to the log, a sync of the log that is complete, and the
    first byte of the 2xx on the connection that brought the body.
    """
    frames = list(_frames(calls))
    syncs = [c for c in calls if c.name in SYNCS and c.file.endswith(LOG)]
    answers = dict(_answers(calls, markers))
    found = {m: _wrong(m, frames, syncs, answers.get(m, NEVER)) for m in markers}
    return {marker: why for marker, why in found.items() if why}


def _wrong(
    marker: bytes, frames: Sequence[Frame], syncs: Sequence[Call], answered: int
) -> str:
    """Return what is out of order; '' if nothing is."""
    if answered == NEVER:
        return "no answer is in the trace"
    committed = _committed(marker, frames)
    if committed >= answered:
        return "answered before it was written"
    if not any(
        c.result == 0 and committed < c.began and c.ended < answered for c in syncs
    ):
        return "answered before it was synced"
    return ""


def _committed(marker: bytes, frames: Sequence[Frame]) -> int:
    """Return when the commit was written whose pages are the first to hold *marker*."""
    written = False
    for frame in frames:
        written = written or marker in frame.page.data
        if written and frame.commits:
            return frame.page.ended
    return NEVER


def _frames(calls: Sequence[Call]) -> Iterator[Frame]:
    header = b""
    for call in calls:
        if call.name != "pwrite64" or not call.file.endswith(LOG):
            continue
        data = call.data
        if len(data) == FRAME_HEADER:
            header = data
        elif header:
            yield Frame(call, commits=header[4:8] != bytes(4))
            header = b""


def _answers(
    calls: Sequence[Call], markers: Collection[bytes]
) -> Iterator[tuple[bytes, int]]:
    """Yield, for each marker that a connection brought, when its 2xx began."""
    new_events: dict[str, bytes] = {}
    for call in calls:
        if not call.file.startswith(SOCKET):
            continue
        if call.name in READS:
            new_events[call.file] = new_events.get(call.file, b"") + call.data
        elif call.name in WRITES and call.data.startswith(b"HTTP/1.1 "):
            request = new_events.pop(call.file, b"")
            if call.data.startswith(b"HTTP/1.1 2"):
                yield from ((m, call.began) for m in markers if m in request)
