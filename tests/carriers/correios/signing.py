"""Correios' side, written from public clients and not from the adapter."""

import json
from typing import Any


def scan(code: str, time: str = "2026-05-15T14:19:48", **changes: Any) -> Any:
    """Write one event; *code* is family and kind."""
    return {
        "codigo": code[:-2],
        "tipo": code[-2:],
        "dtHrCriado": time,
        "descricao": "Palavras",
        "unidade": {
            "codSro": "00000000",
            "tipo": "Unidade de Distribuição",
            "endereco": {"cidade": "NITEROI", "uf": "RJ"},
        },
    } | changes


def tracked(*newest_first: Any, **changes: Any) -> dict[str, Any]:
    """Write one object."""
    return {
        "codObjeto": "ZZ000000001BR",
        "tipoPostal": {
            "sigla": "ZZ",
            "descricao": "ETIQUETA LOGICA PAC",
            "categoria": "ENCOMENDA PAC",
        },
        "dtPrevista": "2026-05-19T23:59:59",
        "contrato": "9900000000",
        "peso": 5.32,
        "formato": "PACOTE",
        "modalidade": "F",
        "eventos": list(newest_first),
    } | changes


def document(code: str, **changes: Any) -> bytes:
    """Write an object with exactly one event of *code*."""
    return json.dumps(tracked(scan(code, **changes))).encode()
