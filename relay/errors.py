"""Errors of the relay, named by what happens next.

RelayError
├── ConfigurationError      the process does not start; the message names the key
├── WebhookError
│   ├── UnknownContract     answer 404
│   ├── VerificationFailed  answer 401, store it as a rejected request
│   │   └── SignatureMissing as that; the sender signs nothing at all
│   └── BacklogFull         answer 503 with Retry-After, store nothing
│       └── DocumentRefused the database rejects this document, and stores others
├── RegistrationError
│   ├── InvalidLabel        answer 422 with the field and a hint
│   ├── Conflict            answer 409 with a hint
│   └── NotFound            answer 404
├── RefusedRequest          answer its status: the request was not parsed
├── NotDelivered            send the alert again later; the status names the channel
├── StoreError
│   ├── DatabaseUnavailable answer 503 with Retry-After; a loop tries again
│   └── LeaseLost           stop writing: another publisher may have the shipment
└── VtexError
    ├── NotSent             no connection: try again
    ├── Unanswered          VTEX may have executed it: unconfirmed
    ├── DeadlineOver        not sent: the lease is about to expire
    └── ShadowMode          not sent: the account is in shadow mode
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, Final

from relay.problem_codes import ProblemCode

_NAMED: Final = 4
"""Problems that one message names; a request may have one in every field."""


class RelayError(Exception):
    """Base of all errors that the relay raises itself."""


class ConfigurationError(RelayError):
    """A setting is missing, wrong or unknown; the message names its key."""


class WebhookError(RelayError):
    """A webhook cannot be accepted."""


class UnknownContract(WebhookError):
    """No contract of that name is configured."""


class VerificationFailed(WebhookError):
    """The signature or secret of a webhook is missing or invalid."""


class SignatureMissing(VerificationFailed):
    """A request without signature or secret: a test, or a stranger's."""


class BacklogFull(WebhookError):
    """Too many webhooks wait to be stored, or the disk cannot store them."""


class DocumentRefused(BacklogFull):
    """The database rejects this document; others are stored."""


class RegistrationError(RelayError):
    """A label, or a change of one, cannot be accepted.

    `field` is the JSON name of the field at fault, `hint` says how to fix it, and
    `code` is for programs. `others` are further problems of the same request.
    """

    usual: ClassVar[ProblemCode]

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        hint: str = "",
        code: ProblemCode | None = None,
        others: "Sequence[RegistrationError]" = (),
    ) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint
        self.code = code or self.usual
        self.others = tuple(others)

    def each(self) -> "tuple[RegistrationError, ...]":
        """Return this problem and the others of the request."""
        return (self, *self.others)

    def summary(self) -> str:
        """Return the problem, and the next ones of the same request."""
        shown = self.others[: _NAMED - 1]
        also = "".join(f"; also {o.field or 'the label'}: {o}" for o in shown)
        left = len(self.others) - len(shown)
        return f"{self}{also}" + (f"; and {left} more" if left else "")


class InvalidLabel(RegistrationError):
    """A field's value is invalid."""

    usual = ProblemCode.INVALID_VALUE


class Conflict(RegistrationError):
    """The request contradicts what is registered."""

    usual = ProblemCode.CONFLICT


class NotFound(RegistrationError):
    """The resource does not exist, or the caller may not access it."""

    usual = ProblemCode.NOT_FOUND


class StoreError(RelayError):
    """The database cannot carry out an operation."""


class DatabaseUnavailable(StoreError):
    """The database is away, locked, full or broken; nothing was stored."""


class LeaseLost(StoreError):
    """The lease expired, so another publisher may have claimed the shipment."""


class VtexError(RelayError):
    """A call to VTEX got no response."""


class NotSent(VtexError):
    """No connection was made, so nothing reached VTEX."""


class Unanswered(VtexError):
    """The call may have reached VTEX, but no response arrived: an unconfirmed write."""


class DeadlineOver(VtexError):
    """The claim's deadline has passed, so the call was not sent."""


class ShadowMode(VtexError):
    """The account is in shadow mode, so nothing was sent."""


class NotDelivered(RelayError):
    """A channel of alerts did not accept a message; the text shows no secret."""


class RefusedRequest(RelayError):
    """A request that is refused before its content is parsed."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        hint: str,
        code: ProblemCode = ProblemCode.BAD_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.hint = hint
        self.headers = headers or {}
