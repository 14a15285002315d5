"""Why VTEX does not know something of a shipment yet, and who acts next; pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from relay.domain.status import ShipmentState


class Actor(StrEnum):
    """Who acts next."""

    RELAY = "relay"
    VTEX = "vtex"
    ERP = "erp"
    CARRIER = "carrier"
    OPERATOR = "operator"


class Lack(StrEnum):
    """The kind of reason why VTEX does not know something."""

    NO_TRACKING_NUMBER = "no_tracking_number"  # the label has none yet
    NOT_IN_VTEX = "not_in_vtex"  # VTEX shows no such order or invoice
    VTEX_UNAVAILABLE = "vtex_unavailable"  # no answer, an error, or a pause
    ACCOUNT_CLOSED = "account_closed"  # credentials, permissions, address
    STUCK = "stuck"  # given up
    QUARANTINED = "quarantined"  # an event waits for a decision
    UNCONFIRMED = "unconfirmed"  # a call got no answer; the order is read back
    INTERNAL_ERROR = "internal_error"  # the relay could not plan it
    DUE = "due"  # it is sent next


ACTORS: Final[Mapping[Lack, Actor]] = {
    Lack.NO_TRACKING_NUMBER: Actor.ERP,
    Lack.NOT_IN_VTEX: Actor.ERP,
    Lack.VTEX_UNAVAILABLE: Actor.VTEX,
    Lack.ACCOUNT_CLOSED: Actor.OPERATOR,
    Lack.STUCK: Actor.OPERATOR,
    Lack.QUARANTINED: Actor.OPERATOR,
    Lack.UNCONFIRMED: Actor.RELAY,
    Lack.INTERNAL_ERROR: Actor.OPERATOR,
    Lack.DUE: Actor.RELAY,
}
_BY_STATE: Final[Mapping[ShipmentState, Lack]] = {
    ShipmentState.AWAITING_NUMBER: Lack.NO_TRACKING_NUMBER,
    ShipmentState.DUE: Lack.DUE,
    ShipmentState.IN_DOUBT: Lack.UNCONFIRMED,
    ShipmentState.STUCK: Lack.STUCK,
}
_STATUS: Final = re.compile(r"VTEX answered ([0-9]{3})")
_BY_STATUS: Final[Mapping[str, Lack]] = {
    "401": Lack.ACCOUNT_CLOSED,
    "403": Lack.ACCOUNT_CLOSED,
    "404": Lack.NOT_IN_VTEX,
}
_REDIRECT: Final = "3"
_BY_WORDS: Final = (
    ("internal error:", Lack.INTERNAL_ERROR),
    ("VTEX does not show the invoice", Lack.NOT_IN_VTEX),
    ("VTEX does not show the delivery", Lack.UNCONFIRMED),
    ("shipments in a row were refused", Lack.ACCOUNT_CLOSED),
    ("no answer from VTEX", Lack.VTEX_UNAVAILABLE),
    ("VTEX asked for a pause", Lack.VTEX_UNAVAILABLE),
    ("VTEX does not answer", Lack.VTEX_UNAVAILABLE),
)


def lack_of(state: ShipmentState, why: str | None, *, quarantined: bool) -> Lack | None:
    """Return what VTEX does not know of a shipment in *state*; None if nothing."""
    if state is ShipmentState.WAITING:
        return _waiting(why or "")
    found = _BY_STATE.get(state)
    if found is None and quarantined:
        return Lack.QUARANTINED
    return found


def _waiting(why: str) -> Lack:
    """Return the kind of a reason to wait, by VTEX's status or the relay's words."""
    for words, lack in _BY_WORDS:
        if words in why:
            return lack
    answered = _STATUS.search(why)
    if answered is None:
        return Lack.DUE
    status = answered[1]
    if status.startswith(_REDIRECT):
        return Lack.ACCOUNT_CLOSED
    return _BY_STATUS.get(status, Lack.VTEX_UNAVAILABLE)
