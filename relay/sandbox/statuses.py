"""The statuses of orders, as VTEX names and shows them."""

from collections.abc import Mapping
from typing import Final, Literal

OrderStatus = Literal[
    "handling", "invoiced", "cancellation-requested", "cancel", "canceled", "replaced"
]
REFUSING: Final = frozenset({"cancellation-requested", "cancel", "canceled"})
"""The statuses in which invoices cannot be written."""
DESCRIPTIONS: Final[Mapping[OrderStatus, str]] = {
    "handling": "Preparando Entrega",
    "invoiced": "Faturado",
    "cancellation-requested": "Cancelamento Solicitado",
    "cancel": "Cancelar",
    "canceled": "Cancelado",
    "replaced": "Substituído",
}
