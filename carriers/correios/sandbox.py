"""Simulator of Correios: tokens, and answers for batches of objects."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.sandbox.simulator import (
    SimulatedAnswer,
    SimulatedCall,
    SimulatedRoute,
    SimulatedScan,
    Simulation,
)

TOKEN: Final = "a-token-of-the-sandbox"  # noqa: S105 -- the sandbox's
_ACCESS_CODE: Final = "cws-ch"
_CODE: Final = f"{_ACCESS_CODE}-of-the-sandbox"
_ZONE: Final = ZoneInfo("America/Sao_Paulo")
_LANGUAGES: Final = frozenset({"pt-BR", "en", "es-ES"})
_MOST: Final = 50
_NOT_FOUND: Final = "SRO-020: Objeto não encontrado na base de dados dos Correios."


class Simulator:
    """Correios; `SimulatedScan.code` is `codigo` and `tipo`, for example `BDE01`."""

    adapter = "correios"
    codes: Final = {
        "picked_up": "PO01",
        "in_transit": "RO01",
        "at_hub": "CUN01",
        "out_for_delivery": "OEC01",
        "available_for_pickup": "LDI01",
        "delivery_failed": "BDE20",
        "held": "PAR16",
        "exception": "BDE69",
        "returning": "BDE26",
        "returned": "BDE23",
        "delivered": "BDE01",
        "lost": "BDE80",
        "damaged": "BDE28",
        "cancelled": "CO09",
    }

    def contract(self, base_url: str) -> Mapping[str, str]:
        """Return the contract's settings, with a token that is fetched first."""
        given = {"base_url": base_url, "verification": "polling_only"}
        return {**given, "user": "loja", "secret": _CODE}

    def routes(self) -> Iterable[SimulatedRoute]:
        """Return the endpoints of tokens and objects."""
        yield SimulatedRoute("POST", "/token/v1/autentica", _token)
        yield SimulatedRoute("POST", "/token/v1/autentica/{by}", _token)
        yield SimulatedRoute("GET", "/srorastro/v1/objetos", _batch)
        yield SimulatedRoute("GET", "/srorastro/v1/objetos/{number}", _single)


def _token(call: SimulatedCall, _: Simulation) -> SimulatedAnswer:
    if not call.headers.get("Authorization", "").startswith("Basic "):
        return _refused(401, "GTW-006: Não autenticado")
    return _answered(
        {
            "ambiente": "PRODUCAO",
            "expiraEm": "2099-12-31T23:59:59",
            "token": TOKEN,
        },
        status=201,
    )


def _batch(call: SimulatedCall, stage: Simulation) -> SimulatedAnswer:
    """Answer for each `codigosObjetos`; a plain mapping has only the first."""
    several = getattr(call.query, "getall", None)
    key = "codigosObjetos"
    given = several(key, []) if several else [call.query.get(key, "")]
    return _objects(call, stage, [n for text in given for n in text.split(",") if n])


def _single(call: SimulatedCall, stage: Simulation) -> SimulatedAnswer:
    return _objects(call, stage, [call.path_values["number"]])


def _objects(
    call: SimulatedCall, stage: Simulation, numbers: list[str]
) -> SimulatedAnswer:
    bearer = call.headers.get("Authorization", "").removeprefix("Bearer ")
    if bearer != TOKEN and not bearer.startswith(_ACCESS_CODE):
        return _refused(403, "GTW-011: Token inválido")
    if call.headers.get("Accept-Language") not in _LANGUAGES:
        return _refused(400, "SRO-018: Idioma inválido")
    if not 0 < len(numbers) <= _MOST:
        return _refused(400, f"SRO-001: Informe de 1 a {_MOST} objetos")
    return _answered(
        {
            "versao": "3.5.38",
            "quantidade": len(numbers),
            "objetos": [_object(n, stage.scans_of(n)) for n in numbers],
            "resultado": "Todos os Eventos",
        }
    )


def _object(number: str, scans: list[SimulatedScan]) -> dict[str, Any]:
    """Return one object with its events, newest first."""
    if not scans:
        return {"codObjeto": number, "mensagem": _NOT_FOUND}
    return {
        "codObjeto": number,
        "tipoPostal": {"sigla": number[:2], "descricao": "ETIQUETA LOGICA PAC"},
        "eventos": [_event(scan) for scan in reversed(scans)],
        "modalidade": "F",
    }


def _event(scan: SimulatedScan) -> dict[str, Any]:
    happened = scan.occurred_at.astimezone(_ZONE)
    return {
        "codigo": scan.code[:-2],
        "tipo": scan.code[-2:],
        "dtHrCriado": f"{happened:%Y-%m-%dT%H:%M:%S}",
        "descricao": scan.description,
        "unidade": {
            "tipo": "Unidade de Distribuição",
            "endereco": {"cidade": scan.city, "uf": scan.state},
        },
    }


def _answered(value: object, status: int = 200) -> SimulatedAnswer:
    return SimulatedAnswer(json.dumps(value).encode(), status)


def _refused(status: int, message: str) -> SimulatedAnswer:
    return _answered({"msgs": [message]}, status)
