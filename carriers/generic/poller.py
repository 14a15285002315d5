"""Poll a carrier's API as the contract describes; the only I/O of this adapter."""

import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from aiohttp import ClientSession

from carriers.generic.checks import KINDS
from carriers.generic.expressions import kind_of
from carriers.generic.options import Options
from carriers.generic.requests import (
    NUMBERS,
    Poll,
    Split,
    TokenRequest,
    Values,
    api_request,
    needed,
)
from carriers.generic.signature import Clock
from relay.adapters.http import ApiResponse, SharedToken, as_response, send
from relay.adapters.parts import attempt
from relay.adapters.protocol import CarrierFailure, Document, UnreadablePart
from relay.domain.events import ParcelView, ReferenceKind, compared
from relay.errors import ConfigurationError

_JSON: Final = {"content-type": "application/json"}
_LONGEST_MESSAGE: Final = 200  # characters of the carrier's error in ours

References = Mapping[str, str]
"""A parcel's references by kind, as values of placeholders."""


class Poller:
    """Polls the API of one contract."""

    def __init__(self, options: Options, secrets: Sequence[str], now: Clock) -> None:
        if options.polling is None:
            raise ConfigurationError("polling: required, to poll the carrier")
        poll, secret = options.polling, next(iter(secrets), "")
        self._poll = poll
        self._common = dict(options.values) | {
            "base_url": options.base_url.rstrip("/"),
            "secret": secret,
            "secret_base64": base64.b64encode(secret.encode()).decode(),
        }
        self._token = Token(poll.token, self._common, now) if poll.token else None
        self.batch_size = poll.batch.size if poll.batch else 1
        self.poll_url = _public_url(poll.url, self._common["base_url"])

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Return the documents of *parcels*; raise `CarrierFailure` on an error.

        Parcels without the references that the request needs are left out.
        """
        polled = self._pollable(parcels)
        found: list[Document] = []
        for start in range(0, len(polled), self.batch_size):
            found += await self._once(session, polled[start : start + self.batch_size])
        return found

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return the documents in *answer*; raise `CarrierFailure` on an error."""
        return unpacked(self._poll, as_response(answer), self._pollable(parcels))

    def _pollable(self, parcels: Sequence[ParcelView]) -> list[References]:
        names = {self._poll.batch.of} if self._poll.batch else needed(self._poll)
        given = map(_references, parcels)
        return [one for one in given if all(one.get(name) for name in names & KINDS)]

    async def _once(
        self, session: ClientSession, polled: Sequence[References]
    ) -> list[Document]:
        values = self._values(polled)

        async def call(token: str) -> ApiResponse:
            request = api_request(self._poll, {**values, "token": token})
            return await send(session, request)

        token = self._token
        response = await (token.answer(session, call) if token else call(""))
        if response.status in self._poll.unknown_statuses:
            return []
        return unpacked(self._poll, response.checked(200), polled)

    def _values(self, polled: Sequence[References]) -> Values:
        batch = self._poll.batch
        if batch is None:
            return {**self._common, **polled[0]}
        several = list(dict.fromkeys(parcel[batch.of] for parcel in polled))
        if batch.separator is None:
            return {**self._common, NUMBERS: several}
        return {**self._common, NUMBERS: batch.separator.join(several)}


class Token:
    """The access token of a contract, renewed when it expires or is refused."""

    def __init__(
        self, request: TokenRequest, values: Mapping[str, str], now: Clock
    ) -> None:
        self._request = request
        self._values = values
        self._now = now
        self._shared = SharedToken(self._fetch)
        self._latest = ""
        self._expires_at: datetime | None = None

    async def answer(
        self, session: ClientSession, call: Callable[[str], Awaitable[ApiResponse]]
    ) -> ApiResponse:
        """Return the response to *call*, with a renewed token if necessary."""
        if self._expires_at is not None and self._now() >= self._expires_at:
            await self._shared.get(session, refused=self._latest)
        return await self._shared.answer(session, call, self._request.renew_on)

    async def _fetch(self, session: ClientSession) -> str:
        # The lifetime counts from before the call, which may take a while.
        started_at = self._now()
        response = await send(session, api_request(self._request, self._values))
        value = response.checked(200, 201).value()
        try:
            token = self._request.path.text_in(value)
        except ValueError:
            token = ""
        # A line break in the token would let the carrier inject a header.
        if not token or not token.isprintable():
            raise CarrierFailure("the carrier answered without a token")
        ttl = self._request.ttl_seconds
        self._expires_at = started_at + timedelta(seconds=ttl) if ttl else None
        self._latest = token
        return token


def unpacked(
    poll: Poll, response: ApiResponse, polled: Sequence[References]
) -> list[Document]:
    """Return one document for each parcel in a response of status 200.

    Without *polled* the parts themselves must name their parcel. Raises
    `CarrierFailure`.
    """
    value = response.value()
    try:
        return list(_documents(poll, response, value, polled))
    except ValueError as error:
        raise CarrierFailure(f"polling: {error}") from None


def _documents(
    poll: Poll, response: ApiResponse, value: Any, polled: Sequence[References]
) -> Iterator[Document]:
    at = response.received_at
    if poll.error is not None and poll.error.holds(value):
        raise CarrierFailure(_message(poll.error.find(value)))
    if _is_unknown(poll, value):
        return
    if poll.split is None and not poll.wrap:
        yield Document(response.body, at, _JSON)
        return
    parts = _parts(poll.split, value) if poll.split else [("", value)]
    for name, part in parts:
        if not poll.wrap or name is None:
            yield Document(json.dumps(part).encode(), at, _JSON)
        # An empty part is left out: wrapped, it would no longer look empty.
        elif part and (parcel := _parcel_of(poll, name, polled)) is not None:
            whole = {"polled": dict(parcel), "answer": part}
            yield Document(json.dumps(whole).encode(), at, _JSON)


def _is_unknown(poll: Poll, value: Any) -> bool:
    """Whether the answer means that the carrier does not know the parcel (yet)."""
    if poll.not_found is not None and poll.not_found.holds(value):
        return True
    return poll.found is not None and not poll.found.holds(value)


def _parcel_of(
    poll: Poll, name: str, polled: Sequence[References]
) -> References | None:
    """Return the parcel that a part is about; None if it was not polled."""
    if poll.batch is None:
        if not polled:
            raise CarrierFailure(
                "polling.wrap: the answer does not name its parcel; give the "
                "reference that was polled"
            )
        return polled[0]
    if not polled:
        return {poll.batch.of: name}
    same = (p for p in polled if compared(p[poll.batch.of]) == compared(name))
    return next(same, None)


def _parts(split: Split, value: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield each part of an answer with the reference that it is about.

    It is None for a bad part among others, which is an unreadable document then.
    Raises `Unreadable` if no part has a reference.
    """
    found = split.list.find(value)
    if found is None:
        raise CarrierFailure(
            f"polling.split.list: {split.list.text!r} finds nothing in the answer"
        )
    if split.keyed:
        if not isinstance(found, dict):
            raise CarrierFailure(
                f"polling.split.list: {split.list.text!r} finds {kind_of(found)} in "
                "the answer; keyed needs an object"
            )
        yield from found.items()
        return
    listed = found if isinstance(found, list) else [found]
    if split.reference is None:
        yield from (("", part) for part in listed)
        return
    names = [attempt("", partial(split.reference.text_in, part)) for part in listed]
    bad = [name.error for name in names if isinstance(name, UnreadablePart)]
    if bad and len(bad) == len(names):
        raise bad[0]
    for name, part in zip(names, listed, strict=True):
        yield None if isinstance(name, UnreadablePart) else name, part


def _message(found: Any) -> str:
    text = found if isinstance(found, str) else json.dumps(found)
    return f"the carrier answered with an error: {text}"[:_LONGEST_MESSAGE]


def _public_url(url: str, base: str) -> str:
    """Return *url* for display: with its placeholders, without user and query."""
    parts = urlsplit(url.replace("{base_url}", base))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _references(parcel: ParcelView) -> References:
    """Return the references that are safe to send.

    `.` and `..` as a path segment would address another resource, and percent
    encoding does not change them.
    """
    values = {kind.value: parcel.value(kind) for kind in ReferenceKind}
    values["tracking_number"] = parcel.tracking_number or values["tracking_number"]
    values["invoice_key"] = parcel.invoice_key or values["invoice_key"]
    usable = {k: v.strip() for k, v in values.items() if v.strip().isprintable()}
    return {k: v for k, v in usable.items() if v not in {"", ".", ".."}}
