"""SSW's side, written from public clients and not from the adapter."""

import json
from typing import Any

KEY = "35261111222333000181550010000123451000000018"  # invented


def occurrence(code: str, time: str = "2026-05-15T14:30:00", **changes: Any) -> Any:
    """Write one event; the number in brackets is the carrier's own."""
    return {
        "data_hora": time,
        "dominio": "TST",
        "filial": "VIX",
        "cidade": "VIANA / ES",
        "ocorrencia": "PALAVRAS (67)",
        "descricao": "Palavras da transportadora.",
        "tipo": "Informativo",
        "data_hora_efetiva": time,
        "nome_recebedor": "",
        "nro_doc_recebedor": "",
        "codigo_ssw": code,
    } | changes


def transport(*oldest_first: Any, **changes: Any) -> dict[str, Any]:
    """Write the document of one carrier for the NF-e; *changes* are of its header."""
    header = {
        "remetente": "LOJA INVENTADA LTDA",
        "destinatario": "FULANA INVENTADA",
        "nro_nf": "12345",
        "pedido": "",
    } | changes
    return {"header": header, "tracking": list(oldest_first)}


def found(**documents: Any) -> dict[str, Any]:
    """Write an answer that found something."""
    message = "Documento localizado com sucesso"
    return {"success": True, "message": message} | documents


def asked(answer: object, key: str = KEY) -> bytes:
    """Return an answer with the polled key."""
    return json.dumps({"chave_nfe": key, "resposta": answer}).encode()


def document(code: str, **changes: Any) -> bytes:
    """Write an answer with exactly one event of *code*."""
    return asked(found(documento=transport(occurrence(code, **changes))))
