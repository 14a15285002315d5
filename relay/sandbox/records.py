"""Records of the sandbox: calls, accepted writes, e-mails, complaints, pending writes.

`relay.demo` validates the JSON of the control API into these same classes, so each
record is described once. JSON names are in camel case.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter
from pydantic.alias_generators import to_camel

from relay.sandbox.times import as_text, instant

Kind = Literal["get", "post", "patch", "put", "other"]
"""Which of VTEX's four calls a request is; "other" is none of them."""

EmailKind = Literal["invoiced", "shipped", "shipping_update", "delivered"]
"""The occasion of an e-mail to the shopper."""

Outcome = int | Literal["cut", "late"]
"""A status, a dropped connection, or an unanswered call carried out later."""

_METHODS: dict[str, Kind] = {
    "GET": "get",
    "POST": "post",
    "PATCH": "patch",
    "PUT": "put",
}
_OMS = ("api", "oms", "pvt", "orders")


def _parsed(value: str | datetime) -> datetime:
    return instant(value) if isinstance(value, str) else value


Instant = Annotated[datetime, BeforeValidator(_parsed), PlainSerializer(as_text)]


@dataclass(slots=True, kw_only=True)
class _Record:
    """The fields of every record."""

    __pydantic_config__ = ConfigDict(alias_generator=to_camel)

    sequence: int
    at: Instant
    account: str
    order_id: str | None = None
    invoice_number: str | None = None
    kind: Kind


@dataclass(slots=True, kw_only=True)
class Call(_Record):
    """One request that arrived; `answered` is `None` while it has no answer.

    `order_id` is `None` where VTEX has no route for the path.
    """

    method: str
    path: str
    fault: str | None = None
    carried_out: bool = False
    answered: Outcome | None = None


@dataclass(slots=True, kw_only=True)
class AcceptedWrite(_Record):
    """One accepted write, whether or not its caller got the answer.

    `call` is the sequence number of the request.
    """

    call: int
    body: Mapping[str, Any]
    carried_out: bool = False
    carried_out_at: Instant | None = None
    changed: bool | None = None
    answered: Outcome | None = None


@dataclass(slots=True, kw_only=True)
class Email(_Record):
    """An e-mail that VTEX would send to the shopper after the request `call`."""

    call: int
    email: EmailKind


@dataclass(slots=True, kw_only=True)
class Complaint(_Record):
    """A violation of VTEX's rules by the request `call`, refused or not."""

    call: int
    rule: str
    message: str
    refused: bool


Record = Call | AcceptedWrite | Email | Complaint
_R = TypeVar("_R", bound=Record)

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    model: TypeAdapter(model) for model in (Call, AcceptedWrite, Email, Complaint)
}


def to_json(record: Record) -> dict[str, Any]:
    """Return *record* as the control API sends it."""
    adapter = _ADAPTERS[type(record)]
    sent: dict[str, Any] = adapter.dump_python(record, mode="json", by_alias=True)
    return sent


def from_json(model: type[_R], items: Iterable[Mapping[str, Any]]) -> list[_R]:
    """Return the records of one list of the control API.

    Raises pydantic's `ValidationError` if an item has another shape.
    """
    return [_ADAPTERS[model].validate_python(item) for item in items]


def _route(method: str, raw_path: str) -> dict[str, Any]:
    """Return the fields of a record that the request line decides.

    VTEX decodes a path before it splits it, so an escaped slash is a slash (VTEX:
    known issue 1302085).
    """
    path = raw_path.partition("?")[0]
    _, root, account, *rest = unquote(path).split("/")
    fields = {"method": method, "path": path, "account": account, "kind": "other"}
    if root != "vtex" or tuple(rest[:4]) != _OMS:
        return fields
    match rest[4:]:
        case [order_id] if order_id:
            takes, number = "get", None
        case [order_id, "invoice"] if order_id:
            takes, number = "post", None
        case [order_id, "invoice", number] if order_id and number:
            takes = "patch"
        case [order_id, "invoice", number, "tracking"] if order_id and number:
            takes = "put"
        case _:
            return fields
    kind = takes if _METHODS.get(method) == takes else "other"
    return fields | {"kind": kind, "order_id": order_id, "invoice_number": number}


class Records:
    """The last *keep* of each kind of record; the counters include all."""

    def __init__(self, keep: int) -> None:
        self.calls: deque[Call] = deque(maxlen=keep)
        self.writes: deque[AcceptedWrite] = deque(maxlen=keep)
        self.complaints: deque[Complaint] = deque(maxlen=keep)
        self.emails: deque[Email] = deque(maxlen=keep)
        self.counts = Counter[str]()
        self.outcomes = Counter[str]()
        # by call, until the call's answer is known
        self._unanswered: dict[int, AcceptedWrite] = {}
        self._totals = Counter[str]()

    def arrived(self, method: str, raw_path: str, at: datetime) -> Call:
        """Record that a request arrived."""
        call = Call(sequence=self._next("calls"), at=at, **_route(method, raw_path))
        self.counts[call.kind] += 1
        self.calls.append(call)
        return call

    def answered(self, call: Call, outcome: Outcome) -> None:
        """Record the status of a request, or that it got no answer."""
        call.answered = outcome
        self.outcomes[str(outcome)] += 1
        write = self._unanswered.pop(call.sequence, None)
        if write is not None:
            write.answered = outcome

    def accepted(self, call: Call, body: bytes, at: datetime) -> AcceptedWrite:
        """Record an accepted write; it may be carried out later."""
        content = json.loads(body)
        subject = _subject(call)
        if call.kind == "post":
            subject["invoice_number"] = content["invoiceNumber"]
        write = AcceptedWrite(
            sequence=self._next("writes"),
            call=call.sequence,
            at=at,
            **subject,
            body=content,
        )
        self.writes.append(write)
        self._unanswered[call.sequence] = write
        return write

    def email(
        self, call: Call, number: str, kinds: Iterable[EmailKind], at: datetime
    ) -> None:
        """Record e-mails about the invoice *number*."""
        subject = _subject(call) | {"invoice_number": number}
        for kind in kinds:
            sequence = self._next("emails")
            email = Email(
                sequence=sequence, call=call.sequence, at=at, email=kind, **subject
            )
            self.emails.append(email)

    def complain(
        self, call: Call, at: datetime, rule: str, message: str, *, refused: bool
    ) -> None:
        """Record a violation of VTEX's rules."""
        complaint = Complaint(
            sequence=self._next("complaints"),
            call=call.sequence,
            at=at,
            **_subject(call),
            rule=rule,
            message=message,
            refused=refused,
        )
        self.complaints.append(complaint)

    def _next(self, kind: str) -> int:
        self._totals[kind] += 1
        return self._totals[kind]


def _subject(call: Call) -> dict[str, Any]:
    """Return the account, order, invoice and kind of a call."""
    names = ("account", "order_id", "invoice_number", "kind")
    return {name: getattr(call, name) for name in names}


_Key = tuple[str, str | None, str | None]


class PendingWrites:
    """Writes in progress: not answered yet, or still to be carried out.

    What two concurrent writes for one invoice do is documented nowhere, so a client
    must not send them.
    """

    def __init__(self) -> None:
        self._open: dict[_Key, dict[int, Callable[[], bool]]] = {}

    def begin(self, call: Call, pending: Callable[[], bool]) -> bool:
        """Add a write; return whether another one for its invoice is pending."""
        writes = self._open.setdefault(_key(call), {})
        writes[call.sequence] = pending
        return any(
            still() for sequence, still in writes.items() if sequence != call.sequence
        )

    def end(self, call: Call) -> None:
        """Remove a write."""
        writes = self._open.get(_key(call), {})
        writes.pop(call.sequence, None)
        if not writes:
            self._open.pop(_key(call), None)


def _key(call: Call) -> _Key:
    return call.account, call.order_id, call.invoice_number
