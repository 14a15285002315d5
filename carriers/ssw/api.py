"""Calls to SSW: one per NF-e, without a login or as its sender."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import ClientSession

from relay.adapters.http import ApiRequest, ApiResponse, send
from relay.adapters.options import base_url, text_option
from relay.adapters.protocol import CarrierFailure, Document
from relay.adapters.texts import normalised
from relay.domain.events import ParcelView, ReferenceKind, compared
from relay.domain.fiscal import cnpj
from relay.errors import ConfigurationError

OPTIONS: Final = frozenset({"cnpj", "password", "sigla_emp", "base_url"})
_KEY: Final = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
_HOME: Final = "https://ssw.inf.br"
_NOT_FOUND: Final = "nenhum documento localizado"
_LONGEST_MESSAGE: Final = 200


class Api:
    """SSW's API for one contract; with `cnpj` it is called as that sender."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.poll_url = base_url(options, _HOME)
        self._login = _login(options)

    async def document(self, session: ClientSession, key: str) -> Document:
        """Return the answer for the NF-e *key*; raise `CarrierFailure` on an error."""
        return answer_document(key, await send(session, self._request(key)))

    def _request(self, key: str) -> ApiRequest:
        if not self._login:
            url, body = f"{self.poll_url}/api/trackingdanfe", {"chave_nfe": key}
            return ApiRequest("POST", url, json=body)
        # Digits 26 to 34 of the key are the invoice number; SSW expects an integer.
        login = self._login | {"nro_nf": int(key[25:34])}
        return ApiRequest("POST", f"{self.poll_url}/api/tracking", json=login)


def answer_document(key: str, answered: ApiResponse) -> Document:
    """Return an answer together with its NF-e *key*, which the answer lacks.

    Raises `CarrierFailure` on an error.
    """
    found = {"chave_nfe": key, "resposta": _checked(answered.checked(200).value())}
    kind = {"content-type": "application/json"}
    return Document(json.dumps(found).encode(), answered.received_at, kind)


def nfe_key(parcel: ParcelView) -> str:
    """Return the NF-e key of *parcel*; empty without a well-formed one."""
    given = parcel.invoice_key or parcel.value(ReferenceKind.INVOICE_KEY)
    key = compared(given).removeprefix("NFE")
    return key if _KEY.fullmatch(key) else ""


def _login(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sender's login in SSW's field names; empty without a CNPJ."""
    sender = text_option(options, "cnpj")
    names = {"password": "senha", "sigla_emp": "sigla_emp"}
    given = {theirs: text_option(options, ours) for ours, theirs in names.items()}
    given = {name: text for name, text in given.items() if text}
    if not sender:
        if given:
            raise ConfigurationError(
                "cnpj: required for a login; give it, or remove the other keys"
            )
        return {}
    try:
        return {"cnpj": cnpj(sender)} | given
    except ValueError as error:
        raise ConfigurationError(f"cnpj: {error}") from error


def _checked(value: Any) -> dict[str, Any]:
    """Return a valid answer; "not found" is one."""
    success = value.get("success") if isinstance(value, dict) else None
    if not isinstance(success, bool):
        raise CarrierFailure("SSW answered without the field success")
    if success and not _holds_documents(value):
        raise CarrierFailure("SSW answered without a document")
    message = str(value.get("message"))[:_LONGEST_MESSAGE]
    if not success and _NOT_FOUND not in normalised(message):
        raise CarrierFailure(f"SSW answered with an error: {message}")
    return dict(value)


def _holds_documents(value: Mapping[str, Any]) -> bool:
    found = [value.get(name) for name in ("documento", "documentos")]
    return any(isinstance(documents, dict | list) for documents in found)
