"""Intelipost's side, written from its docs and not from the adapter."""

import json
from typing import Any

MACRO = {
    "NEW": "Novo",
    "READY_FOR_SHIPPING": "Pronto para envio",
    "SHIPPED": "Despachado",
    "IN_TRANSIT": "Em trânsito",
    "TO_BE_DELIVERED": "Em rota de entrega",
    "DELIVERED": "Entregue",
    "CLARIFY_DELIVERY_FAIL": "Averiguar falha na entrega",
    "DELIVERY_FAILED": "Falha na entrega",
    "CANCELLED": "Cancelado",
    "INTERNAL_STATUS": "Status interno",
    "KEEP_PREVIOUS": "Manter status anterior",
    "CLARIFY_DELIVERY_LATE": "Averiguar atraso na entrega",
    "PICKUP_DATA_UPDATED": "Coleta atualizada",
    "PICKUP_DATA_RECEIVED": "Coleta recebida",
}

MACRO_OF = dict.fromkeys(
    [
        "ENTREGUE",
        "ENTREGUE NO DESTINO",
        "ENTREGUE FORA DO DESTINO",
        "OBJETO ENTREGUE NA CAIXA DE CORREIOS INTELIGENTE",
    ],
    "DELIVERED",
)
"""The macro states of micro states, where they matter."""


def headers(body: bytes, secret: str) -> dict[str, str]:  # noqa: ARG001 -- no signature
    """Show the key that both sides know."""
    return {"api-key": secret}


def document(code: str, **changes: Any) -> bytes:
    """Write the webhook of a state; *changes* are laid over its history."""
    macro = code if code in MACRO else MACRO_OF.get(code, "IN_TRANSIT")
    micro = {
        "id": 28,
        "code": "27",
        "default_name": code,
        "i18n_name": None,
        "description": "Será feita re-tentativa ou devolução ao remetente",
        "shipment_order_volume_state_id": 12,
        "shipment_volume_state_source_id": 2,
        "name": code,
    }
    history = {
        "shipment_order_volume_id": 230713,
        "shipment_order_volume_state": macro,
        "tracking_state": None,
        "created": 1779120000614,
        "created_iso": "2026-05-18T13:00:00.614-03:00",
        "provider_message": "em processo",
        "provider_state": "ABC123",
        "shipper_provider_state": "ENT",
        "esprinter_message": "OBJETO EM RUA",
        "shipment_volume_micro_state": None if code in MACRO else micro,
        "attachments": [],
        "shipment_order_volume_state_localized": MACRO[macro],
        "shipment_order_volume_state_history": 1384656,
        "event_date": 1779112320000,
        "event_date_iso": "2026-05-18T10:52:00.000-03:00",
    }
    return notice(history | changes)


def notice(history: object, **changes: Any) -> bytes:
    """Write the webhook around a history."""
    body = {
        "history": history,
        "invoice": {
            "invoice_series": "1",
            "invoice_number": "1",
            "invoice_key": "35261100000000000191550010000000011000000010",
        },
        "order_number": "PEDIDO0004",
        "tracking_code": "IP20260518BR",
        "volume_number": "1",
    }
    return json.dumps(body | changes).encode()
