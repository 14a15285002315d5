"""Filters of feed and hook: which changes of an order make a notification."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from relay.sandbox import answers
from relay.sandbox.checks import RejectedCall, field_errors

_NUMBER: Final = (
    '$count(packageAttachment.packages[type = "Output" and $boolean(trackingNumber)])'
    " > 0"
)
_EVENTS: Final = (
    '$count(packageAttachment.packages[type = "Output" and (courierStatus.finished ='
    " true or $count(courierStatus.data[$boolean(lastChange)]) > 0)]) > 0"
)
_OR: Final = " or "


class NotificationFilter(BaseModel):
    """The `filter` of a configuration (VTEX: orders feed guide).

    VTEX evaluates any JSONata expression; the sandbox knows only two conditions: an
    invoice has a tracking number, and an invoice has events or is finished.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    type: Literal["FromWorkflow", "FromOrders"]
    status: tuple[str, ...] | None = None
    expression: str | None = None
    disableSingleFire: bool | None = None  # noqa: N815 -- VTEX's name

    def holds(self, order: dict[str, Any]) -> bool:
        """Whether the expression holds for an order, as GET shows it."""
        packages = (order["packageAttachment"] or {}).get("packages", [])
        outgoing = [p for p in packages if p["type"] == "Output"]
        text = self.expression or ""
        return (_NUMBER in text and any(p["trackingNumber"] for p in outgoing)) or (
            _EVENTS in text and any(_is_tracked(p["courierStatus"]) for p in outgoing)
        )

    def takes(self, status: str) -> bool:
        """Whether a change of the order's status to *status* makes a notification."""
        return self.type == "FromWorkflow" and status in (self.status or (status,))


@dataclass(slots=True)
class FilterState:
    """Which orders made their only notification already."""

    filter: NotificationFilter
    fired: set[str]

    def fires(self, order: dict[str, Any]) -> bool:
        """Whether a change of the *order* makes a notification, by its expression.

        Without `disableSingleFire` an order makes one.
        """
        if self.filter.type != "FromOrders" or not self.filter.holds(order):
            return False
        single = not self.filter.disableSingleFire
        if single and order["orderId"] in self.fired:
            return False
        self.fired.add(order["orderId"])
        return True


def _is_tracked(status: dict[str, Any] | None) -> bool:
    return status is not None and bool(status["finished"] or status["data"])


def parse_filter(value: object) -> NotificationFilter:
    """Return the filter of a configuration; raise `RejectedCall` if VTEX refuses it."""
    try:
        found = NotificationFilter.model_validate(value, strict=False)
    except ValidationError as error:
        wrong = answers.invalid(field_errors(error))
        raise RejectedCall(wrong, "filter", str(error)) from None
    by_workflow = found.type == "FromWorkflow"
    mixed = found.expression if by_workflow else found.status
    if mixed:
        # VTEX: orders feed guide, 409 for fields of the other type
        conflict = answers.error(409, "1", f"Invalid fields for {found.type}")
        raise RejectedCall(conflict, "filter", "fields of the other type")
    known = {_NUMBER, _EVENTS, f"{_NUMBER}{_OR}{_EVENTS}"}
    if not by_workflow and found.expression not in known:
        message = "the sandbox knows only the expressions that the relay uses"
        raise RejectedCall(answers.invalid({"expression": [message]}))
    return found
