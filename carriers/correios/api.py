"""Calls to Correios' web services (CWS): the APIs Token and Rastro."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import ClientSession

from relay.adapters.http import ApiRequest, ApiResponse, SharedToken, send
from relay.adapters.options import base_url, text_option
from relay.adapters.protocol import CarrierFailure, Document
from relay.errors import ConfigurationError

BATCH: Final = 50
"""The maximum of objects per call."""
OPTIONS: Final = frozenset(
    {"user", "access_code", "posting_card", "contract_number", "base_url"}
)
_HOME: Final = "https://api.correios.com.br"
_LANGUAGE: Final = {"Accept": "application/json", "Accept-Language": "pt-BR"}
_LONGEST_MESSAGE: Final = 200


class Api:
    """Correios' API for one contract.

    With `user` a token is fetched, for `posting_card`, `contract_number` or neither.
    Without `user` the access code itself is the bearer token.
    """

    def __init__(self, options: Mapping[str, Any], secrets: Sequence[str]) -> None:
        self.poll_url = base_url(options, _HOME)
        self._user = text_option(options, "user")
        self._code = text_option(options, "access_code") or next(iter(secrets), "")
        self._path, self._number = _token_call(options)
        self._token = SharedToken(self._fetch_token)
        if not self._code:
            raise ConfigurationError(
                "access_code: required; give it, or the contract's secret"
            )
        if self._number and not self._user:
            raise ConfigurationError(
                "user: required, because a token for a card or contract needs it"
            )

    async def objects(
        self, session: ClientSession, numbers: Sequence[str]
    ) -> list[Document]:
        """Return one document per object; raise `CarrierFailure` on an error."""

        async def call(token: str) -> ApiResponse:
            return await send(session, self._request(numbers, token))

        return unpacked(await self._token.answer(session, call))

    def _request(self, numbers: Sequence[str], token: str) -> ApiRequest:
        """Build the request for the objects *numbers*."""
        # Without a known Accept-Language the API answers 400, SRO-018.
        # resultado=T returns all events, not only the last one.
        return ApiRequest(
            "GET",
            f"{self.poll_url}/srorastro/v1/objetos",
            headers=_LANGUAGE | {"Authorization": f"Bearer {token}"},
            query=[("codigosObjetos", n) for n in numbers] + [("resultado", "T")],
        )

    async def _fetch_token(self, session: ClientSession) -> str:
        if not self._user:
            return self._code
        pair = base64.b64encode(f"{self._user}:{self._code}".encode()).decode()
        request = ApiRequest(
            "POST",
            f"{self.poll_url}/token/v1/autentica{self._path}",
            headers=_LANGUAGE | {"Authorization": f"Basic {pair}"},
            json={"numero": self._number} if self._number else None,
        )
        value = _checked(await send(session, request), 200, 201).value()
        token = value.get("token") if isinstance(value, dict) else None
        if not isinstance(token, str) or not token:
            raise CarrierFailure("Correios answered without a token")
        return token


def unpacked(answered: ApiResponse) -> list[Document]:
    """Return each object as a document; raise `CarrierFailure` on an error.

    A bad object among others is an unreadable document: it stops no other parcel.
    """
    value = _checked(answered, 200).value()
    found = value.get("objetos") if isinstance(value, dict) else None
    if not isinstance(found, list) or (found and not any(map(_is_object, found))):
        raise CarrierFailure("Correios answered without objects")
    kind = {"content-type": "application/json"}
    return [
        Document(json.dumps(one).encode(), answered.received_at, kind) for one in found
    ]


def _token_call(options: Mapping[str, Any]) -> tuple[str, str]:
    """Return the path of the token request, and the number in its body."""
    card = text_option(options, "posting_card")
    contract = text_option(options, "contract_number")
    if card and contract:
        raise ConfigurationError(
            "posting_card: conflicts with contract_number; remove one"
        )
    if contract:
        return "/contrato", contract
    return ("/cartaopostagem", card) if card else ("", "")


def _is_object(found: object) -> bool:
    return isinstance(found, dict) and bool(found.get("codObjeto"))


def _checked(answered: ApiResponse, *statuses: int) -> ApiResponse:
    """Return the response; raise `CarrierFailure` with Correios' message."""
    message = _messages(answered)
    try:
        answered.checked(*statuses)
    except CarrierFailure as failure:
        raise CarrierFailure(f"{failure}{message}", wait=failure.wait) from None
    if message:
        raise CarrierFailure(f"Correios answered with an error{message}")
    return answered


def _messages(answered: ApiResponse) -> str:
    """Return `msgs`; an answer of status 200 may have them, too."""
    try:
        value = answered.value()
    except CarrierFailure:
        return ""
    messages = value.get("msgs") if isinstance(value, dict) else None
    return f": {messages}"[:_LONGEST_MESSAGE] if messages else ""
