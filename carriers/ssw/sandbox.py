"""Simulator of SSW: answers for one NF-e per call.

A parcel is found by its NF-e key, or by the sender with the invoice number. One of them
must be the simulated parcel's tracking number or shipment id.
"""

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

_ZONE: Final = ZoneInfo("America/Sao_Paulo")
_NOT_FOUND: Final = {"success": False, "message": "Nenhum documento localizado"}


class Simulator:
    """SSW; `SimulatedScan.code` is a standard code, for example `85`."""

    adapter = "ssw"
    codes: Final = {
        "label_created": "72",
        "picked_up": "80",
        "in_transit": "82",
        "at_hub": "83",
        "out_for_delivery": "85",
        "available_for_pickup": "04",
        "delivery_failed": "11",
        "held": "56",
        "exception": "16",
        "returning": "27",
        "returned": "03",
        "delivered": "01",
        "lost": "92",
        "damaged": "53",
        "cancelled": "77",
    }

    def contract(self, base_url: str) -> Mapping[str, str]:
        """Return the contract's settings, without a login."""
        return {"base_url": base_url, "verification": "polling_only"}

    def routes(self) -> Iterable[SimulatedRoute]:
        """Return the endpoints: without a login, and for senders."""
        yield SimulatedRoute("POST", "/api/trackingdanfe", _by_key)
        yield SimulatedRoute("POST", "/api/tracking", _by_number)


def _by_key(call: SimulatedCall, stage: Simulation) -> SimulatedAnswer:
    return _answer(stage, _field(call, "chave_nfe"))


def _by_number(call: SimulatedCall, stage: Simulation) -> SimulatedAnswer:
    if not _field(call, "cnpj"):
        return _json({"success": False, "message": "CNPJ não informado"})
    return _answer(stage, _field(call, "nro_nf"))


def _field(call: SimulatedCall, name: str) -> str:
    """Return a field of the JSON body; empty if missing."""
    try:
        body = json.loads(call.body)
    except ValueError:
        return ""
    return str(body.get(name, "")) if isinstance(body, dict) else ""


def _answer(stage: Simulation, reference: str) -> SimulatedAnswer:
    scans = stage.scans_of(reference)
    if not scans:
        return _json(_NOT_FOUND)
    parcel = scans[0].parcel
    number = parcel.invoice_number or (parcel.invoice_key or "")[25:34].lstrip("0")
    header = {
        "remetente": "LOJA DE TESTE",
        "destinatario": "PESSOA DE TESTE",
        "nro_nf": number,
        "pedido": parcel.order_id,
    }
    tracking = [_occurrence(scan) for scan in scans]
    return _json(
        {
            "success": True,
            "message": "Documento localizado com sucesso",
            "documento": {"header": header, "tracking": tracking},
        }
    )


def _occurrence(scan: SimulatedScan) -> dict[str, Any]:
    """Return one occurrence; the number in brackets is the carrier's own code."""
    happened = f"{scan.occurred_at.astimezone(_ZONE):%Y-%m-%dT%H:%M:%S}"
    return {
        "data_hora": happened,
        "dominio": "TST",
        "filial": "TST",
        "cidade": f"{scan.city} / {scan.state}",
        "ocorrencia": f"{scan.description.upper()} (67)",
        "descricao": scan.description,
        "tipo": "Entrega" if scan.code == "01" else "Informativo",
        "data_hora_efetiva": happened,
        "nome_recebedor": "",
        "nro_doc_recebedor": "",
        "codigo_ssw": scan.code,
    }


def _json(value: object) -> SimulatedAnswer:
    return SimulatedAnswer(json.dumps(value).encode())
