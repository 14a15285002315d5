"""What the sandbox has seen: every call, everything told, every complaint."""

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import unquote

from relay.sandbox.times import as_text

Kind = Literal["get", "patch", "put", "other"]
Outcome = int | Literal["cut", "late"]

_OMS = ("api", "oms", "pvt", "orders")
_METHODS: dict[str, Kind] = {"GET": "get", "PATCH": "patch", "PUT": "put"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a call is aimed at; `kind` is "other" for what VTEX has no route for."""

    method: str
    path: str
    account: str
    kind: Kind
    order_id: str | None = None
    invoice_number: str | None = None
    routed: bool = True

    @classmethod
    def of(cls, method: str, raw_path: str) -> "Target":
        """Read a path as VTEX does: decoded first, then cut at the slashes.

        So an escaped slash is a slash (VTEX: known issue 1302085).
        """
        path = raw_path.partition("?")[0]
        _, _, account, *rest = unquote(path).split("/")
        found = _routed(tuple(rest))
        if found is None:
            return cls(method, path, account, "other", routed=False)
        takes, order_id, number = found
        kind = _METHODS.get(method, "other")
        return cls(
            method, path, account, kind if kind == takes else "other", order_id, number
        )


def _routed(rest: tuple[str, ...]) -> tuple[Kind, str, str | None] | None:
    """Return the kind of call that a path takes, and what it names."""
    if rest[:4] != _OMS or "" in rest:
        return None
    match rest[4:]:
        case (order_id,):
            return "get", order_id, None
        case (order_id, "invoice", number):
            return "patch", order_id, number
        case (order_id, "invoice", number, "tracking"):
            return "put", order_id, number
        case _:
            return None


@dataclass(slots=True)
class Call:
    """One request that arrived; `answered` is `None` while it has no answer."""

    sequence: int
    at: datetime
    target: Target
    fault: str | None = None
    carried_out: bool = False
    answered: Outcome | None = None

    def shown(self) -> dict[str, Any]:
        """Return the call as the control API shows it."""
        return {
            "sequence": self.sequence,
            **_shown_target(self.at, self.target),
            "method": self.target.method,
            "path": self.target.path,
            "fault": self.fault,
            "carriedOut": self.carried_out,
            "answered": self.answered,
        }


@dataclass(slots=True)
class AcceptedWrite:
    """One write that was accepted, whether or not its caller was told so."""

    sequence: int
    at: datetime
    call: Call
    body: bytes
    carried_out_at: datetime | None = None
    changed: bool | None = None

    def shown(self) -> dict[str, Any]:
        """Return the write as the control API shows it."""
        at = self.carried_out_at
        return {
            "sequence": self.sequence,
            "call": self.call.sequence,
            **_shown_target(self.at, self.call.target),
            "body": json.loads(self.body),
            "carriedOut": at is not None,
            "carriedOutAt": at and as_text(at),
            "changed": self.changed,
            "answered": self.call.answered,
        }


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something a caller did that it must not do, refused or not."""

    sequence: int
    at: datetime
    call: Call
    rule: str
    message: str
    refused: bool

    def shown(self) -> dict[str, Any]:
        """Return the complaint as the control API and the page show it."""
        return {
            "sequence": self.sequence,
            "call": self.call.sequence,
            **_shown_target(self.at, self.call.target),
            "rule": self.rule,
            "message": self.message,
            "refused": self.refused,
        }


def _shown_target(at: datetime, target: Target) -> dict[str, Any]:
    return {
        "at": as_text(at),
        "account": target.account,
        "orderId": target.order_id,
        "invoiceNumber": target.invoice_number,
        "kind": target.kind,
    }


class Records:
    """The last *keep* calls, writes and complaints; the counts know them all."""

    def __init__(self, keep: int) -> None:
        self.calls: deque[Call] = deque(maxlen=keep)
        self.published: deque[AcceptedWrite] = deque(maxlen=keep)
        self.complaints: deque[Complaint] = deque(maxlen=keep)
        self.counts = Counter[str]()
        self.outcomes = Counter[str]()
        self._totals = Counter[str]()

    def arrived(self, target: Target, at: datetime) -> Call:
        """Record that a request arrived."""
        call = Call(self._next("calls"), at, target)
        self.counts[target.kind] += 1
        self.calls.append(call)
        return call

    def answered(self, call: Call, outcome: Outcome) -> None:
        """Record how a request was answered, or that it was not."""
        call.answered = outcome
        self.outcomes[str(outcome)] += 1

    def accepted(self, call: Call, body: bytes, at: datetime) -> AcceptedWrite:
        """Record a write that was accepted."""
        published = AcceptedWrite(self._next("writes"), at, call, body)
        self.published.append(published)
        return published

    def complain(
        self, call: Call, at: datetime, rule: str, message: str, *, refused: bool
    ) -> None:
        """Record what a caller did wrong."""
        sequence = self._next("complaints")
        self.complaints.append(Complaint(sequence, at, call, rule, message, refused))

    def _next(self, kind: str) -> int:
        self._totals[kind] += 1
        return self._totals[kind]


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
