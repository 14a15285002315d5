"""Faults to inject into VTEX's answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from relay.sandbox.records import Call
from relay.sandbox.requests import ControlRequest

FaultKind = Literal[
    "status",
    "outage",
    "cut_before",
    "cut_after",
    "late",
    "slow",
    "refuse_after",
    "vanish",
    "stale",
    "redirect",
    "page",
]

_USUAL_STATUS: dict[FaultKind, int] = {
    "outage": 503,
    "refuse_after": 500,
    "redirect": 302,
}


class InjectedFault(ControlRequest):
    """One fault: its kind, the calls it applies to, how often or how long.

    - status: answer `status`, carry nothing out
    - outage: the same for every call; 503 unless `status` is given
    - cut_before, cut_after: drop the connection before or after carrying out
    - late: no answer (dropped, or held open with `hang`); carried out
      `delaySeconds` later
    - slow: carry out, and answer `delaySeconds` later
    - refuse_after: carry out, but answer `status` (500)
    - vanish: answer 200 with a receipt, and change nothing
    - stale: answer a read with the order as it was before its last write
    - page: answer `status` (200) with a web page, as a proxy does; carry nothing out
    - redirect: answer `status` (302) with `location`
    """

    kind: FaultKind
    account: str | None = None
    order_id: str | None = None
    call: Literal["get", "post", "patch", "put", "other"] | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: Any = None
    retry_after: Annotated[int, Field(ge=0)] | str | None = None
    retry_after_as_date: bool = False
    delay_seconds: Annotated[float, Field(ge=0)] = 0
    hang: bool = False
    location: str | None = None

    @model_validator(mode="after")
    def _has_status(self) -> Self:
        if self.kind == "status" and self.status is None:
            raise ValueError("status: required for the kind 'status'")
        return self

    @property
    def answered(self) -> int:
        """The status that the caller gets, where the fault decides it."""
        return self.status or _USUAL_STATUS.get(self.kind, 200)

    def matches(self, call: Call) -> bool:
        """Return whether the fault applies to *call*."""
        return (
            self.account in {None, call.account}
            and self.order_id in {None, call.order_id}
            and self.call in {None, call.kind}
        )

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the `Retry-After` header, as seconds or as an HTTP-date."""
        after = self.retry_after
        if after is None:
            return {}
        if self.retry_after_as_date and isinstance(after, int):
            until = now + timedelta(seconds=after)
            return {"Retry-After": format_datetime(until, usegmt=True)}
        return {"Retry-After": str(after)}


@dataclass(slots=True)
class _Active:
    id: int
    fault: InjectedFault
    left: int | None
    until: datetime | None

    def ended(self, now: datetime) -> bool:
        return self.left == 0 or (self.until is not None and self.until <= now)


class Faults:
    """The active faults, oldest first; the first that matches a call applies."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._count = 0

    def add(self, fault: InjectedFault, now: datetime) -> int:
        """Activate a fault from *now* on, and return its id."""
        self._count += 1
        until = now + timedelta(seconds=fault.seconds) if fault.seconds else None
        self._active.append(_Active(self._count, fault, fault.times, until))
        return self._count

    def take(self, call: Call, now: datetime) -> InjectedFault | None:
        """Return the fault that applies to a call, and count one use."""
        self._drop_ended(now)
        for active in self._active:
            if active.fault.matches(call):
                if active.left is not None:
                    active.left -= 1
                return active.fault
        return None

    def clear(self) -> None:
        """End all faults."""
        self._active.clear()

    def listed(self, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield the active faults as the control API lists them."""
        self._drop_ended(now)
        for active in self._active:
            fault = active.fault.model_dump(
                mode="json", by_alias=True, exclude_defaults=True
            )
            yield {"id": active.id, "left": active.left, **fault}

    def _drop_ended(self, now: datetime) -> None:
        if self._active:
            self._active = [a for a in self._active if not a.ended(now)]
