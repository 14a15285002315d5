"""Handshakes: requests by which a carrier tests the address, and their answers.

They need no signature. So each must be declared, and none may have an event.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from carriers.generic.expressions import Path
from relay.adapters.protocol import Reply, Unreadable, WebhookRequest
from relay.adapters.signatures import equal
from relay.domain.events import Value

PLACEHOLDER: Final = "{secret}"
_CHALLENGE: Final = "{challenge}"
_LONGEST: Final = 500
"""Characters of a challenge; what anyone sends is repeated in the answer."""
_EMPTY: Final = frozenset({b"", b"{}", b"[]", b"null"})
_WITH_BODY: Final = frozenset({"POST", "PUT"})

Decode = Callable[[bytes, str], Any]
"""Returns the JSON value of a body, given its content type."""


class Challenge(Value):
    """The value that the answer repeats: a query parameter, header or JSON value."""

    query: str = ""
    header: str = ""
    body: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.query, self.header, self.body))) != 1:
            raise ValueError("give one of query, header and body")
        return self


class HandshakeReply(Value):
    """The answer; `{challenge}` stands for the challenge, in `body` and `headers`."""

    status: int = Field(default=200, ge=200, le=299)
    body: str | None = None
    # Never HTML: a browser would run a script in the challenge.
    content_type: Literal["text/plain", "application/json"] = "text/plain"
    headers: Mapping[str, str] = Field(default_factory=dict)

    def filled(self, challenge: str) -> Reply:
        """Return the answer with *challenge*, escaped if the content is JSON."""
        is_json = self.content_type == "application/json"
        text = json.dumps(challenge)[1:-1] if is_json else challenge
        body = (_CHALLENGE if self.body is None else self.body).replace(
            _CHALLENGE, text
        )
        headers = {n: v.replace(_CHALLENGE, challenge) for n, v in self.headers.items()}
        return Reply(self.status, body.encode(), self.content_type, headers)


class Handshake(Value):
    """One kind of request that tests the address, and its answer.

    A POST or PUT is one if `when` holds, or else if the body has the challenge, or
    else if the body is empty.
    """

    method: Literal["GET", "OPTIONS", "POST", "PUT"]
    when: Path | None = None
    query: Mapping[str, str] = Field(default_factory=dict, repr=False)
    challenge: Challenge | None = None
    reply: Annotated[HandshakeReply, Field(default_factory=HandshakeReply)]

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        challenge, reply = self.challenge, self.reply
        in_body = self.when or (challenge and challenge.body)
        if self.method not in _WITH_BODY and in_body:
            raise ValueError(f"a {self.method} has no body; use query or header")
        texts = [reply.body or "", *reply.headers.values()]
        if challenge is None and any(_CHALLENGE in text for text in texts):
            raise ValueError("{challenge} in the reply needs the key challenge")
        return self

    @property
    def methods(self) -> frozenset[str]:
        """The HTTP methods of the request: HEAD belongs to GET."""
        return frozenset({"GET", "HEAD"} if self.method == "GET" else {self.method})

    def is_ping(self, root: Any) -> bool:
        """Whether the JSON value *root* is the body of such a request."""
        if self.method not in _WITH_BODY:
            return False
        if self.when is not None:
            return self.when.holds(root)
        if self.challenge is not None and self.challenge.body is not None:
            return bool(_challenge_in(self.challenge.body.find(root)))
        return root in ({}, [], None)

    def answer(
        self, request: WebhookRequest, secrets: Sequence[str], decode: Decode
    ) -> Reply | None:
        """Return the answer to *request*, or None if it is another one."""
        if request.method not in self.methods or not self._is_allowed(request, secrets):
            return None
        root: Any = None
        if self.method in _WITH_BODY:
            try:
                root = _value(request, decode)
                if not self.is_ping(root):
                    return None
            except ValueError:
                return None
        challenge = self._challenge(request, root)
        return None if challenge is None else self.reply.filled(challenge)

    def _is_allowed(self, request: WebhookRequest, secrets: Sequence[str]) -> bool:
        """Whether the query parameters have the values that they must have."""
        return all(
            any(
                equal(request.query.get(name, ""), wanted.replace(PLACEHOLDER, secret))
                for secret in (secrets if PLACEHOLDER in wanted else [""])
            )
            for name, wanted in self.query.items()
        )

    def _challenge(self, request: WebhookRequest, root: Any) -> str | None:
        """Return the challenge, "" if none is needed, None if it is missing."""
        challenge = self.challenge
        if challenge is None:
            return ""
        if challenge.body is not None:
            return _challenge_in(challenge.body.find(root))
        if challenge.query:
            return _challenge_in(request.query.get(challenge.query))
        return _challenge_in(request.headers.get(challenge.header.lower()))


def _value(request: WebhookRequest, decode: Decode) -> Any:
    """Return the JSON value of the body, None if it is empty."""
    if request.body.strip() in _EMPTY:
        return None
    return decode(request.body, request.headers.get("content-type", ""))


def _challenge_in(found: Any) -> str | None:
    """Return what is *found* as a challenge that may be repeated, or None."""
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    text = str(found)
    # A line break in a header would be an error of the server.
    fits = text.isprintable() and len(text) <= _LONGEST
    return text if text and fits else None


def answer(
    handshakes: Sequence[Handshake],
    request: WebhookRequest,
    secrets: Sequence[str],
    decode: Decode,
) -> Reply | None:
    """Return the answer of the first of *handshakes* that *request* is, or None."""
    found = (one.answer(request, secrets, decode) for one in handshakes)
    return next((reply for reply in found if reply is not None), None)


def is_ping(handshakes: Sequence[Handshake], root: Any) -> bool:
    """Whether the JSON value *root* is the body of one of *handshakes*."""
    try:
        return any(one.is_ping(root) for one in handshakes)
    except Unreadable:
        return False
