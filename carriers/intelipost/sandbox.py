"""Simulator of Intelipost: one webhook per event of a volume."""

import json
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from relay.sandbox.simulator import SimulatedRequest, SimulatedScan

_ZONE: Final = ZoneInfo("America/Sao_Paulo")
_MACRO: Final = frozenset(
    {
        "NEW",
        "READY_FOR_SHIPPING",
        "SHIPPED",
        "IN_TRANSIT",
        "TO_BE_DELIVERED",
        "DELIVERED",
        "CLARIFY_DELIVERY_FAIL",
        "DELIVERY_FAILED",
        "CANCELLED",
        "INTERNAL_STATUS",
        "KEEP_PREVIOUS",
        "CLARIFY_DELIVERY_LATE",
        "PICKUP_DATA_UPDATED",
        "PICKUP_DATA_RECEIVED",
    }
)
_DELIVERED: Final = frozenset(
    {
        "ENTREGUE",
        "ENTREGUE NO DESTINO",
        "ENTREGUE FORA DO DESTINO",
        "OBJETO ENTREGUE NA CAIXA DE CORREIOS INTELIGENTE",
    }
)
"""Micro states of the macro state DELIVERED."""


class Simulator:
    """Intelipost; `SimulatedScan.code` is a macro state or a micro state's name."""

    adapter = "intelipost"
    codes: Final = {
        "label_created": "ETIQUETA CRIADA",
        "picked_up": "COLETA REALIZADA",
        "in_transit": "EM TRANSITO",
        "at_hub": "ENTRADA FILIAL",
        "out_for_delivery": "EM ROTA DE ENTREGA",
        "available_for_pickup": "PRONTO PARA RETIRADA",
        "delivery_failed": "DESTINATARIO AUSENTE",
        "held": "ANALISE FISCAL",
        "exception": "PROBLEMA OPERACIONAL",
        "returning": "EM DEVOLUCAO",
        "returned": "DEVOLVIDO",
        "delivered": "ENTREGUE",
        "lost": "EXTRAVIO CONFIRMADO",
        "damaged": "AVARIA CONFIRMADA",
        "cancelled": "CANCELADO",
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the webhook of *scan*, with *secret* as its `api-key`."""
        if not secret:
            raise ValueError("secret: required, as the api-key of every webhook")
        if not scan.code:
            raise ValueError("code: required, because every event has a state")
        headers = {"Content-Type": "application/json", "api-key": secret}
        return SimulatedRequest(
            headers=headers, body=json.dumps(_notice(scan)).encode()
        )


def _notice(scan: SimulatedScan) -> dict[str, object]:
    """Return the webhook's body; unknown values are null, as at Intelipost."""
    parcel = scan.parcel
    return {
        "history": _history(scan),
        "invoice": {
            "invoice_series": (parcel.invoice_key or "")[22:25].lstrip("0") or None,
            "invoice_number": parcel.invoice_number,
            "invoice_key": parcel.invoice_key,
        },
        "order_number": parcel.order_id,
        "tracking_code": parcel.tracking_number,
        "volume_number": str(parcel.volume),
    }


def _history(scan: SimulatedScan) -> dict[str, object]:
    macro = scan.code in _MACRO
    name = scan.code
    micro = {"id": 28, "code": "27", "default_name": name, "name": name}
    happened = scan.occurred_at
    return {
        "shipment_order_volume_id": 1,
        "shipment_order_volume_state": name if macro else _macro_of(name),
        "tracking_state": None,
        "created": _millis(happened),
        "created_iso": _spelled(happened),
        "provider_message": scan.description or None,
        "shipment_volume_micro_state": None if macro else micro,
        "attachments": [],
        "shipment_order_volume_state_localized": scan.description or name,
        "shipment_order_volume_state_history": _millis(happened),
        "event_date": _millis(happened),
        "event_date_iso": _spelled(happened),
    }


def _macro_of(micro: str) -> str:
    """Return the macro state of a micro state: both must say delivered."""
    return "DELIVERED" if micro in _DELIVERED else "INTERNAL_STATUS"


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _spelled(moment: datetime) -> str:
    return moment.astimezone(_ZONE).isoformat(timespec="milliseconds")
