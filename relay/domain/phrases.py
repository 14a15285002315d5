"""The relay's own phrases for shoppers, used when a carrier sends no text."""

from collections.abc import Mapping
from typing import Final

from relay.domain.events import Milestone

PHRASES: Final[Mapping[str, Mapping[Milestone, str]]] = {
    "pt": {
        Milestone.LABEL_CREATED: "Etiqueta emitida",
        Milestone.PICKED_UP: "Objeto coletado",
        Milestone.IN_TRANSIT: "Em trânsito",
        Milestone.AT_HUB: "Na unidade da transportadora",
        Milestone.OUT_FOR_DELIVERY: "Saiu para entrega",
        Milestone.AVAILABLE_FOR_PICKUP: "Disponível para retirada",
        Milestone.DELIVERY_FAILED: "Tentativa de entrega sem sucesso",
        Milestone.HELD: "Retido",
        Milestone.EXCEPTION: "Ocorrência no transporte",
        Milestone.RETURNING: "Em devolução ao remetente",
        Milestone.RETURNED: "Devolvido ao remetente",
        Milestone.DELIVERED: "Entregue",
        Milestone.LOST: "Extraviado",
        Milestone.DAMAGED: "Avariado",
        Milestone.CANCELLED: "Envio cancelado",
        Milestone.UNKNOWN: "Atualização da transportadora",
    },
    "es": {
        Milestone.LABEL_CREATED: "Etiqueta emitida",
        Milestone.PICKED_UP: "Paquete recolectado",
        Milestone.IN_TRANSIT: "En tránsito",
        Milestone.AT_HUB: "En el centro del transportista",
        Milestone.OUT_FOR_DELIVERY: "Salió a reparto",
        Milestone.AVAILABLE_FOR_PICKUP: "Disponible para retirar",
        Milestone.DELIVERY_FAILED: "Intento de entrega sin éxito",
        Milestone.HELD: "Retenido",
        Milestone.EXCEPTION: "Incidencia en el transporte",
        Milestone.RETURNING: "En devolución al remitente",
        Milestone.RETURNED: "Devuelto al remitente",
        Milestone.DELIVERED: "Entregado",
        Milestone.LOST: "Extraviado",
        Milestone.DAMAGED: "Dañado",
        Milestone.CANCELLED: "Envío cancelado",
        Milestone.UNKNOWN: "Novedad del transportista",
    },
    "en": {
        Milestone.LABEL_CREATED: "Label printed",
        Milestone.PICKED_UP: "Picked up",
        Milestone.IN_TRANSIT: "In transit",
        Milestone.AT_HUB: "At the carrier's hub",
        Milestone.OUT_FOR_DELIVERY: "Out for delivery",
        Milestone.AVAILABLE_FOR_PICKUP: "Available for pickup",
        Milestone.DELIVERY_FAILED: "Delivery attempt failed",
        Milestone.HELD: "Held",
        Milestone.EXCEPTION: "Exception in transport",
        Milestone.RETURNING: "On its way back to the sender",
        Milestone.RETURNED: "Returned to the sender",
        Milestone.DELIVERED: "Delivered",
        Milestone.LOST: "Lost",
        Milestone.DAMAGED: "Damaged",
        Milestone.CANCELLED: "Shipment cancelled",
        Milestone.UNKNOWN: "Update from the carrier",
    },
}
"""Phrases by language; each language has every milestone."""

VOLUME: Final[Mapping[str, str]] = {"pt": "volume", "es": "bulto", "en": "parcel"}
"""The word for one of several parcels, by language."""
