"""The calls to Correios: a token, and batches of objects (CWS: Token, Rastro)."""

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
"""The most objects in one call."""
OPTIONS: Final = frozenset(
    {"user", "access_code", "posting_card", "contract_number", "base_url"}
)
_HOME: Final = "https://api.correios.com.br"
_LANGUAGE: Final = {"Accept": "application/json", "Accept-Language": "pt-BR"}
_LONGEST_MESSAGE: Final = 200


class Api:
    """Correios for one contract.

    With `user` a token is fetched by `posting_card`, `contract_number` or neither;
    without, the access code itself is the bearer token.
    """

    def __init__(self, options: Mapping[str, Any], secrets: Sequence[str]) -> None:
        self.asked_at = base_url(options, _HOME)
        self._user = text_option(options, "user")
        self._code = text_option(options, "access_code") or next(iter(secrets), "")
        self._path, self._number = _token_call(options)
        self._token = SharedToken(self._fetch_token)
        if not self._code:
            raise ConfigurationError("access_code: it is missing, and so is a secret")
        if self._number and not self._user:
            raise ConfigurationError("user: it is missing, but a token needs it")

    async def objects(
        self, session: ClientSession, numbers: Sequence[str]
    ) -> list[Document]:
        """Return each object that *numbers* name; raise `CarrierFailure`."""

        async def ask(token: str) -> ApiResponse:
            return await send(session, self._question(numbers, token))

        return unpacked(await self._token.answer(session, ask))

    def _question(self, numbers: Sequence[str], token: str) -> ApiRequest:
        """Ask in a language they know: without one they answer 400, SRO-018."""
        return ApiRequest(
            "GET",
            f"{self.asked_at}/srorastro/v1/objetos",
            headers=_LANGUAGE | {"Authorization": f"Bearer {token}"},
            query=[("codigosObjetos", n) for n in numbers] + [("resultado", "T")],
        )

    async def _fetch_token(self, session: ClientSession) -> str:
        if not self._user:
            return self._code
        pair = base64.b64encode(f"{self._user}:{self._code}".encode()).decode()
        question = ApiRequest(
            "POST",
            f"{self.asked_at}/token/v1/autentica{self._path}",
            headers=_LANGUAGE | {"Authorization": f"Basic {pair}"},
            json={"numero": self._number} if self._number else None,
        )
        value = _checked(await send(session, question), 200, 201).value()
        token = value.get("token") if isinstance(value, dict) else None
        if not isinstance(token, str) or not token:
            raise CarrierFailure("Correios answered without a token")
        return token


def unpacked(answered: ApiResponse) -> list[Document]:
    """Return each object of an answer; raise `CarrierFailure` if it is an error."""
    value = _checked(answered, 200).value()
    found = value.get("objetos") if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(map(_is_object, found)):
        raise CarrierFailure("Correios answered without objects")
    kind = {"content-type": "application/json"}
    return [
        Document(json.dumps(one).encode(), answered.received_at, kind) for one in found
    ]


def _token_call(options: Mapping[str, Any]) -> tuple[str, str]:
    """Return the path of the token's call, and the number that it is asked by."""
    card = text_option(options, "posting_card")
    contract = text_option(options, "contract_number")
    if card and contract:
        raise ConfigurationError("posting_card: give it or contract_number, not both")
    if contract:
        return "/contrato", contract
    return ("/cartaopostagem", card) if card else ("", "")


def _is_object(found: object) -> bool:
    return isinstance(found, dict) and bool(found.get("codObjeto"))


def _checked(answered: ApiResponse, *statuses: int) -> ApiResponse:
    """Return the answer; raise `CarrierFailure` for an error, in their words."""
    words = _messages(answered)
    try:
        answered.checked(*statuses)
    except CarrierFailure as failure:
        raise CarrierFailure(f"{failure}{words}", wait=failure.wait) from None
    if words:
        raise CarrierFailure(f"Correios answered with an error{words}")
    return answered


def _messages(answered: ApiResponse) -> str:
    """Return their `msgs`, which may come with status 200 too."""
    try:
        value = answered.value()
    except CarrierFailure:
        return ""
    messages = value.get("msgs") if isinstance(value, dict) else None
    return f": {messages}"[:_LONGEST_MESSAGE] if messages else ""
