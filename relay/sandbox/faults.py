"""Faults on demand: what a store's bad day looks like from outside."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from relay.sandbox.records import Target
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
    "redirect",
]

_USUAL_STATUS: dict[FaultKind, int] = {
    "outage": 503,
    "refuse_after": 500,
    "redirect": 302,
}


class InjectedFault(ControlRequest):
    """One fault: what happens, to which calls, how often or how long.

    - status: answer `status`, carry nothing out
    - outage: the same for everything, 503 unless another status is given
    - cut_before, cut_after: drop the connection without or after carrying out
    - late: no answer (dropped, or held open with `hang`), and carried out
      `delaySeconds` later
    - slow: carry out, and answer `delaySeconds` later
    - refuse_after: carry out, and answer `status` (500) all the same
    - vanish: answer 200 with a receipt, and change nothing
    - redirect: answer `status` (302) with `location`
    """

    kind: FaultKind
    account: str | None = None
    order_id: str | None = None
    call: Literal["get", "patch", "put"] | None = None
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
    def _status_is_known(self) -> Self:
        if self.kind == "status" and self.status is None:
            raise ValueError("a fault of kind 'status' needs a status")
        return self

    @property
    def answered(self) -> int:
        """The status that the caller sees, where the fault decides it."""
        return self.status or _USUAL_STATUS.get(self.kind, 200)

    def concerns(self, target: Target) -> bool:
        """Tell whether a call is in the scope of the fault."""
        return (
            self.account in {None, target.account}
            and self.order_id in {None, target.order_id}
            and self.call in {None, target.kind}
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

    def over(self, now: datetime) -> bool:
        return self.left == 0 or (self.until is not None and self.until <= now)


class Faults:
    """The faults in force, oldest first; a call meets the first that concerns it."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._made = 0

    def add(self, fault: InjectedFault, now: datetime) -> int:
        """Put a fault in force from *now* on, and return its id."""
        self._made += 1
        until = now + timedelta(seconds=fault.seconds) if fault.seconds else None
        self._active.append(_Active(self._made, fault, fault.times, until))
        return self._made

    def take(self, target: Target, now: datetime) -> InjectedFault | None:
        """Return the fault that a call meets, and count it as used once."""
        self._forget_old(now)
        for active in self._active:
            if active.fault.concerns(target):
                if active.left is not None:
                    active.left -= 1
                return active.fault
        return None

    def clear(self) -> None:
        """End all faults."""
        self._active.clear()

    def shown(self, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield the faults in force as the control API shows them."""
        self._forget_old(now)
        for active in self._active:
            fault = active.fault.model_dump(
                mode="json", by_alias=True, exclude_defaults=True
            )
            yield {"id": active.id, "left": active.left, **fault}

    def _forget_old(self, now: datetime) -> None:
        if self._active:
            self._active = [a for a in self._active if not a.over(now)]
