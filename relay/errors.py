"""Everything that can go wrong, named by what happens next.

RelayError
├── ConfigurationError      the process does not start; the message names the key
├── WebhookError
│   ├── UnknownContract     answer 404
│   ├── VerificationFailed  answer 401, put the request aside
│   └── BacklogFull         answer 503 with Retry-After, keep nothing
├── RegistrationError
│   ├── InvalidLabel        answer 422, name the field and the way out
│   ├── Conflict            answer 409, name both ways out
│   └── NotFound            answer 404
├── RefusedRequest          answer its status: the request was not even read
├── StoreError
│   └── LeaseLost           stop writing: somebody else has the shipment
└── VtexError
    ├── NotSent             the connection could not be made: try again
    ├── Unanswered          it may have been carried out: in doubt
    └── DeadlineOver        nothing was sent: the lease is nearly over
"""

from collections.abc import Mapping
from http import HTTPStatus


class RelayError(Exception):
    """Whatever the relay raises on purpose."""


class ConfigurationError(RelayError):
    """A setting is missing, wrong or unknown; the message names its key."""


class WebhookError(RelayError):
    """A webhook cannot be taken."""


class UnknownContract(WebhookError):
    """No contract of that name is configured."""


class VerificationFailed(WebhookError):
    """The request does not prove that it comes from the carrier."""


class BacklogFull(WebhookError):
    """More requests wait to be kept than memory is meant for, or the disk refuses."""


class RegistrationError(RelayError):
    """A label, or a change of one, cannot be taken over.

    `field` is the JSON name of the field at fault, `hint` says what to do.
    """

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint


class InvalidLabel(RegistrationError):
    """A field's value cannot be right."""


class Conflict(RegistrationError):
    """What is asked contradicts what is registered."""


class NotFound(RegistrationError):
    """There is no such thing, or it belongs to somebody else."""


class StoreError(RelayError):
    """The memory refuses."""


class LeaseLost(StoreError):
    """The lease ran out, so another publisher may have the shipment."""


class VtexError(RelayError):
    """A call to VTEX gave no answer."""


class NotSent(VtexError):
    """The connection could not be made: nothing reached VTEX."""


class Unanswered(VtexError):
    """The call may have reached VTEX, and its answer did not reach us."""


class DeadlineOver(VtexError):
    """The claim's time is used up: the call was not sent."""


class RefusedRequest(RelayError):
    """A request that is refused before anybody looks at what it asks for."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        hint: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.hint = hint
        self.headers = headers or {}
