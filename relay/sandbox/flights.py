"""Notices two writes for one invoice that are under way at once."""

from collections.abc import Callable

from relay.sandbox.records import Call

_Key = tuple[str, str | None, str | None]


class Flights:
    """The writes under way: sent and not answered, or still to be carried out."""

    def __init__(self) -> None:
        self._open: dict[_Key, dict[int, Callable[[], bool]]] = {}

    def begin(self, call: Call, under_way: Callable[[], bool]) -> bool:
        """Note a write, and tell whether another one for its invoice is under way."""
        writes = self._open.setdefault(_key(call), {})
        writes[call.sequence] = under_way
        return any(
            still() for sequence, still in writes.items() if sequence != call.sequence
        )

    def end(self, call: Call) -> None:
        """Note that a write is over."""
        writes = self._open.get(_key(call), {})
        writes.pop(call.sequence, None)
        if not writes:
            self._open.pop(_key(call), None)


def _key(call: Call) -> _Key:
    target = call.target
    return target.account, target.order_id, target.invoice_number
