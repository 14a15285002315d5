"""Invented samples in the shapes that carriers send, with what is right for each.

A row is (reference, code, time, text) of one event. Several right answers are a set,
and None means that the sample alone does not tell: a guess would be wrong.
"""

import json
from dataclasses import dataclass
from typing import Any

Answer = str | frozenset[str] | None
Row = tuple[Answer, Answer, Answer, Answer]


@dataclass(frozen=True, slots=True)
class Case:
    """A sample and its events."""

    name: str
    body: bytes
    rows: tuple[Row, ...]


def either(*answers: str) -> frozenset[str]:
    return frozenset(answers)


CASES: list[Case] = []


def case(name: str, value: Any, *rows: Row) -> None:
    CASES.append(Case(name, json.dumps(value, ensure_ascii=False).encode(), rows))


T = "2026-05-20T13:00:00+00:00"  # 10:00 in São Paulo
U = "2026-05-21T14:30:00+00:00"
ISO = "2026-05-20T10:00:00-03:00"
ISO2 = "2026-05-21T11:30:00-03:00"

case(
    "flat, English",
    {
        "tracking_number": "ZZ000000001BR",
        "status_code": "IT",
        "description": "In transit",
        "occurred_at": ISO,
    },
    ("tracking_number=ZZ000000001BR", "IT", T, "In transit"),
)
case(
    "flat, Portuguese, day first",
    {
        "codigo_rastreio": "000123456789",
        "codigo_ocorrencia": 31,
        "descricao": "Saiu para entrega",
        "data_ocorrencia": "20/05/2026 10:00:00",
    },
    ("tracking_number=000123456789", "31", T, "Saiu para entrega"),
)
case(
    "flat, Spanish",
    {
        "guia": "G0000001",
        "estado": "EN_CAMINO",
        "descripcion": "En camino",
        "fecha": "20/05/2026 10:00",
    },
    ("tracking_number=G0000001", "EN_CAMINO", T, "En camino"),
)
case(
    "a tracking number of eleven digits and one of fourteen",
    {
        "parcel": {"tracking": "20260520101", "reference": "20260520101010"},
        "history": [{"code": "A", "text": "Um", "at": ISO}],
    },
    ("tracking_number=20260520101", "A", T, "Um"),
)
case(
    "numbers of fourteen digits everywhere",
    {
        "awb": "20260101120000",
        "events": [{"code": 10, "scan_time": "20260520100000", "message": "Coletado"}],
    },
    ("tracking_number=20260101120000", "10", T, "Coletado"),
)
case(
    "epoch seconds",
    {
        "trackingNumber": "BR1234567",
        "eventCode": "PU",
        "eventTime": 1779282000,
        "message": "Picked up",
    },
    ("tracking_number=BR1234567", "PU", T, "Picked up"),
)
case(
    "epoch milliseconds as text",
    {
        "waybill": "W-77001",
        "details": [
            {
                "scanType": "x",
                "status": "DELIVERED",
                "scanTime": "1779282000000",
                "desc": "Entregue",
            }
        ],
    },
    ("tracking_number=W-77001", None, T, "Entregue"),
)
case(
    "items before the events",
    {
        "items": [
            {
                "sku": "1",
                "code": "SKU-1",
                "created_at": "2026-05-01 08:00:00",
                "description": "Camisa",
            }
        ],
        "tracking_code": "BR100",
        "events": [
            {"code": "09", "date": "2026-05-20 10:00:00", "description": "Em rota"},
            {"code": "10", "date": "2026-05-21 11:30:00", "description": "Entregue"},
        ],
    },
    ("tracking_number=BR100", "09", T, "Em rota"),
    ("tracking_number=BR100", "10", U, "Entregue"),
)
case(
    "only items, and the event around them",
    {
        "tracking": "BR101",
        "status": "shipped",
        "event_date": ISO,
        "products": [
            {"code": "SKU-1", "date": "2026-05-01 08:00:00", "name": "Camisa"}
        ],
    },
    ("tracking_number=BR101", "shipped", T, None),
)
case(
    "wrapped in data",
    {
        "type": "tracking.updated",
        "id": "evt_1",
        "data": {
            "trackingCode": "BR102",
            "statusCode": "OD",
            "statusDescription": "On the way",
            "statusDate": "2026-05-20T10:00:00",
        },
    },
    ("tracking_number=BR102", "OD", T, "On the way"),
)
case(
    "wrapped twice, with a time of sending",
    {
        "sent_at": "2026-05-20T10:00:09-03:00",
        "payload": {
            "shipment": {
                "tracking_number": "BR103",
                "last_event": {
                    "code": "DL",
                    "description": "Delivered",
                    "event_datetime": ISO,
                },
            }
        },
    },
    ("tracking_number=BR103", "DL", T, "Delivered"),
)
case(
    "date and hour in two fields",
    {
        "nro_rastreio": "BR104",
        "eventos": [
            {
                "codigo": "01",
                "descricao": "Coleta",
                "data": "20/05/2026",
                "hora": "10:00",
            },
            {
                "codigo": "02",
                "descricao": "Entrega",
                "data": "21/05/2026",
                "hora": "11:30",
            },
        ],
    },
    ("tracking_number=BR104", "01", T, "Coleta"),
    ("tracking_number=BR104", "02", U, "Entrega"),
)
case(
    "a date without a time",
    {"guia": "G2", "estado": "Entregado", "fecha": "20/05/2026"},
    ("tracking_number=G2", "Entregado", None, None),
)
case(
    "American or European order",
    {
        "tracking": "US1",
        "code": "X1",
        "date": "05/06/2026 10:00",
        "description": "Moved",
    },
    ("tracking_number=US1", "X1", None, "Moved"),
)
case(
    "an order that one of the days decides",
    {
        "tracking": "US2",
        "events": [
            {"code": "A", "date": "05/06/2026 10:00", "description": "Moved"},
            {"code": "B", "date": "05/20/2026 10:00", "description": "Moved on"},
        ],
    },
    ("tracking_number=US2", "A", "2026-05-06T13:00:00+00:00", "Moved"),
    ("tracking_number=US2", "B", T, "Moved on"),
)
case(
    "several parcels, each with its history",
    {
        "shipments": [
            {
                "tracking_number": "P1",
                "history": [
                    {"code": "1", "description": "Um", "date": "2026-05-20 10:00:00"}
                ],
            },
            {
                "tracking_number": "P2",
                "history": [
                    {"code": "1", "description": "Um", "date": "2026-05-20 10:00:00"},
                    {"code": "2", "description": "Dois", "date": "2026-05-21 11:30:00"},
                ],
            },
        ]
    },
    ("tracking_number=P1", "1", T, "Um"),
    ("tracking_number=P2", "1", T, "Um"),
    ("tracking_number=P2", "2", U, "Dois"),
)
case(
    "a list of parcels, each with its history",
    [
        {"awb": "P1", "tracking": [{"status": "A", "time": "2026-05-20 10:00:00"}]},
        {"awb": "P2", "tracking": [{"status": "B", "time": "2026-05-21 11:30:00"}]},
    ],
    ("tracking_number=P1", "A", T, None),
    ("tracking_number=P2", "B", U, None),
)
case(
    "a list of parcels with one state each",
    [
        {"tracking_number": "P1", "status": "A", "status_date": "2026-05-20 10:00:00"},
        {"tracking_number": "P2", "status": "B", "status_date": "2026-05-21 11:30:00"},
    ],
    ("tracking_number=P1", "A", T, None),
    ("tracking_number=P2", "B", U, None),
)
case(
    "volumes with one state each",
    {
        "pedido": "1500-01",
        "volumes": [
            {
                "codigo_rastreio": "V1",
                "situacao": "EM_ROTA",
                "data_hora": "2026-05-20 10:00:00",
            },
            {
                "codigo_rastreio": "V2",
                "situacao": "ENTREGUE",
                "data_hora": "2026-05-21 11:30:00",
            },
        ],
    },
    ("tracking_number=V1", "EM_ROTA", T, None),
    ("tracking_number=V2", "ENTREGUE", U, None),
)
case(
    "a state of its own beside the history",
    {
        "tracking": "BR105",
        "status": "DELIVERED",
        "updated_at": "2026-05-21T12:00:00Z",
        "events": [{"status": "SHIPPED", "date": ISO, "location": {"name": "Recife"}}],
    },
    ("tracking_number=BR105", "SHIPPED", T, None),
)
case(
    "a state of its own beside an unknown list",
    {
        "tracking": "BR106",
        "status": "DELIVERED",
        "date": ISO2,
        "entries": [{"status": "SHIPPED", "date": ISO}],
    },
    ("tracking_number=BR106", None, None, None),
)
case(
    "two histories",
    {
        "tracking": "BR107",
        "carrier_events": [{"code": "1", "date": ISO, "description": "Um"}],
        "hub_events": [{"code": "2", "date": ISO2, "description": "Dois"}],
    },
    ("tracking_number=BR107", None, None, None),
)
case(
    "created and updated",
    {
        "shipment_id": "S-9",
        "status": "posted",
        "created_at": "2026-05-19 08:00:00",
        "updated_at": "2026-05-20 10:00:00",
    },
    ("shipment_id=S-9", "posted", None, None),
)
case(
    "an estimated date before the event's",
    {
        "numeroRastreio": "BR108",
        "previsao_entrega": "25/05/2026 18:00",
        "ocorrencia": {
            "codigo": 4,
            "descricao": "Em trânsito",
            "dataHora": "20/05/2026 10:00",
        },
    },
    ("tracking_number=BR108", "4", T, "Em trânsito"),
)
case(
    "the same time twice, local and with an offset",
    {
        "tracking": "BR109",
        "code": "E",
        "event_date": "2026-05-20 13:00:00",
        "event_date_iso": "2026-05-20T13:00:00+00:00",
        "text": "Entregue",
    },
    ("tracking_number=BR109", "E", T, "Entregue"),
)
case(
    "a code of two fields",
    {
        "codObjeto": "ZZ000000002BR",
        "eventos": [
            {
                "codigo": "BDE",
                "tipo": "01",
                "descricao": "Objeto entregue",
                "dtHrCriado": "2026-05-20T10:00:00",
            }
        ],
    },
    ("tracking_number=ZZ000000002BR", None, T, "Objeto entregue"),
)
case(
    "a state with a micro state",
    {
        "tracking_code": "BR110",
        "history": {
            "state": "IN_TRANSIT",
            "state_micro": "ENTREGUE",
            "provider_message": "Entregue",
            "event_date": ISO,
        },
    },
    ("tracking_number=BR110", None, T, "Entregue"),
)
case(
    "a topic beside the state",
    {
        "event": "shipment.updated",
        "tracking_number": "BR111",
        "status": "out_for_delivery",
        "timestamp": ISO,
    },
    ("tracking_number=BR111", "out_for_delivery", T, None),
)
case(
    "a topic that is the state, and a state",
    {
        "event": "order.posted",
        "data": {
            "id": "uuid-0001",
            "tracking": "BR112",
            "status": "posted",
            "posted_at": "2026-05-20 10:00:00",
        },
    },
    ("tracking_number=BR112", None, None, None),
)
case(
    "a place with a code and a name",
    {
        "tracking": "BR113",
        "scans": [
            {
                "unit": {"code": "U-1", "name": "CD Recife"},
                "scan_code": "ARR",
                "scan_description": "Arrived",
                "scan_date": ISO,
            }
        ],
    },
    ("tracking_number=BR113", "ARR", T, "Arrived"),
)
case(
    "a numeric state with an id and a name",
    {
        "numeroDeTracking": "360000000000001",
        "estado": "En distribución",
        "estadoId": 6,
        "fechaEstado": "2026-05-20T10:00:00",
    },
    ("tracking_number=360000000000001", "6", T, either("En distribución", "")),
)
case(
    "no code, only words",
    {
        "cnpj": "11222333000181",
        "chave": "2" * 44,
        "eventos": [
            {
                "descricao": "MERCADORIA EM TRANSITO PARA A FILIAL",
                "data_hora": "20/05/2026 10:00",
            }
        ],
    },
    ("invoice_key=" + "2" * 44, None, T, "MERCADORIA EM TRANSITO PARA A FILIAL"),
)
case(
    "an invoice key and an invoice number",
    {
        "chave_nfe": "3" * 44,
        "numero": "1234",
        "serie": "1",
        "ocorrencia": "07",
        "data_ocorrencia": "2026-05-20 10:00:00",
        "descricao": "Chegou",
    },
    ("invoice_key=" + "3" * 44, "07", T, "Chegou"),
)
case(
    "an order id only",
    {"order_id": "1500-01", "status": "delivered", "date": ISO},
    ("order_id=1500-01", "delivered", T, None),
)
case(
    "two tracking numbers",
    {
        "tracking_number": "BR114",
        "carrier_tracking_code": "XX9999999",
        "status": "sent",
        "date": ISO,
    },
    (None, "sent", T, None),
)
case(
    "a shopper and a driver",
    {
        "tracking": "BR115",
        "recipient": {"name": "Uma Pessoa", "document": "000"},
        "driver": {"name": "Outra Pessoa", "code": "D1"},
        "status": {"code": "DLV", "name": "Entregue", "date": ISO},
    },
    ("tracking_number=BR115", "DLV", T, "Entregue"),
)
case(
    "keys are numbers",
    {
        "BR116000000": {"status": "A", "date": ISO},
        "BR117000000": {"status": "B", "date": ISO2},
    },
    (None, None, None, None),
)
case(
    "keys with spaces and accents",
    {
        "nº objeto": "ZZ000000003BR",
        "código": "OEC",
        "descrição": "Saiu para entrega",
        "data": "20/05/2026 10:00",
    },
    ("tracking_number=ZZ000000003BR", "OEC", T, "Saiu para entrega"),
)
case(
    "two texts",
    {
        "tracking": "BR118",
        "code": "7",
        "message": "Saiu",
        "title": "Saiu para entrega",
        "date": ISO,
    },
    ("tracking_number=BR118", "7", T, None),
)
case(
    "two digits of a year",
    {
        "rastreamento": "BR119",
        "cod": "5",
        "data": "20/05/26 10:00",
        "descricao": "Coleta",
    },
    ("tracking_number=BR119", "5", T, "Coleta"),
)
case(
    "camel case with an id of an event",
    {
        "trackingId": "BR120",
        "eventId": "0b1c",
        "eventType": "DELIVERED",
        "eventDateTime": "2026-05-20T13:00:00.000Z",
        "eventDescription": "Delivered",
    },
    ("tracking_number=BR120", None, T, "Delivered"),
)
case(
    "an event that repeats the number",
    {
        "awb": "BR121",
        "events": [
            {
                "awb": "BR121",
                "activity": "Picked up",
                "status_code": "PKP",
                "event_time": ISO,
            }
        ],
    },
    ("tracking_number=BR121", "PKP", T, either("Picked up", "")),
)
case(
    "numbers only in the events",
    {
        "events": [
            {"tracking": "A1", "code": "1", "at": ISO, "text": "Um"},
            {"tracking": "A2", "code": "2", "at": ISO2, "text": "Dois"},
        ]
    },
    ("tracking_number=A1", "1", T, "Um"),
    ("tracking_number=A2", "2", U, "Dois"),
)
case(
    "an empty first list and one history",
    {
        "attachments": [],
        "objeto": {"codigo": "ZZ000000004BR"},
        "historico": [{"status": "POSTADO", "momento": ISO}],
    },
    (either("tracking_number=ZZ000000004BR"), "POSTADO", T, None),
)
case(
    "photos with times after the event",
    {
        "tracking": "BR122",
        "code": "E",
        "description": "Entregue",
        "happened_at": ISO,
        "photos": [{"type": "front", "date": ISO2, "status": "ok"}],
    },
    ("tracking_number=BR122", "E", T, "Entregue"),
)
case(
    "lines without an event in them",
    {
        "tracking": "BR123",
        "status": "A",
        "data": ISO,
        "costs": [{"date": ISO2, "value": 1}],
    },
    ("tracking_number=BR123", "A", T, None),
)
case(
    "a result in a list in a list",
    {
        "results": [
            {
                "package": {"number": "PK-1"},
                "statuses": [
                    {
                        "statusCode": 3,
                        "statusText": "Unterwegs",
                        "dateTime": "2026-05-20T10:00:00",
                    }
                ],
            }
        ]
    },
    ("tracking_number=PK-1", "3", T, "Unterwegs"),
)
case(
    "attempts and amounts beside the event",
    {
        "guia": "G3",
        "codigo_estado": "NE",
        "estado": "No entregado: cliente ausente hoy",
        "intento": 2,
        "valor": 20260520,
        "fecha_hora": "2026-05-20 10:00:00",
    },
    ("tracking_number=G3", "NE", T, either("No entregado: cliente ausente hoy", "")),
)
case(
    "a webhook's id and time around the event's",
    {
        "id": "wh-1",
        "timestamp": "2026-05-20T10:00:05-03:00",
        "topic": "status",
        "data": {
            "shipment_id": 3850099,
            "external_id": "x-1",
            "status": "Entregado",
            "status_code": "delivered",
            "direction": "forward",
        },
    },
    ("shipment_id=3850099", "delivered", "2026-05-20T13:00:05+00:00", None),
)

# Written after the rules, to measure them.
case(
    "a hub's tracker with details",
    {
        "description": "tracker.updated",
        "result": {
            "id": "trk_0001",
            "tracking_code": "EZ1000000001",
            "status": "in_transit",
            "est_delivery_date": "2026-05-25T00:00:00Z",
            "created_at": "2026-05-19T09:00:00Z",
            "tracking_details": [
                {
                    "message": "Shipping label created",
                    "status": "pre_transit",
                    "datetime": "2026-05-20T13:00:00Z",
                    "tracking_location": {"city": "Recife"},
                },
                {
                    "message": "Arrived",
                    "status": "in_transit",
                    "datetime": "2026-05-21T14:30:00Z",
                    "tracking_location": {"city": None},
                },
            ],
        },
    },
    ("tracking_number=EZ1000000001", "pre_transit", T, "Shipping label created"),
    ("tracking_number=EZ1000000001", "in_transit", U, "Arrived"),
)
case(
    "checkpoints with a tag and a subtag",
    {
        "ts": 1779282009,
        "event": "tracking_update",
        "msg": {
            "tracking_number": "AS1",
            "tag": "InTransit",
            "subtag": "InTransit_001",
            "checkpoints": [
                {
                    "tag": "InTransit",
                    "subtag": "InTransit_001",
                    "message": "Moved",
                    "checkpoint_time": ISO,
                }
            ],
        },
    },
    ("tracking_number=AS1", None, T, "Moved"),
)
case(
    "a parcel's status with an id and a message",
    {
        "action": "parcel_status_changed",
        "timestamp": 1779282000000,
        "parcel": {
            "id": 3,
            "tracking_number": "SC1",
            "status": {"id": 11, "message": "Delivered"},
            "date_updated": "20-05-2026 10:00:00",
            "name": "Una Persona",
        },
    },
    ("tracking_number=SC1", "11", None, "Delivered"),
)
case(
    "traces in Spanish",
    {
        "eventos": [
            {
                "Fecha": "2026-05-20T10:00:00",
                "Estado": "Ingreso",
                "EstadoId": 4,
                "Motivo": "",
                "MotivoId": 0,
                "Sucursal": "Once",
                "SucursalId": 9,
            }
        ]
    },
    (None, None, T, None),
)
case(
    "tracking events with a type",
    {
        "TrackingNumber": "FR000000001BR",
        "ServiceDescription": "PAC",
        "TrackingEvents": [
            {
                "EventType": "9",
                "EventDateTime": "20/05/2026 10:00",
                "EventLocation": "Recife",
                "EventDescription": "Entregue",
            }
        ],
    },
    ("tracking_number=FR000000001BR", either("9"), T, "Entregue"),
)
case(
    "events with an id and a name",
    {
        "trackingCode": "MD1",
        "events": [
            {
                "id": "31",
                "name": "Em rota",
                "date": "2026-05-20T10:00:00-03:00",
                "description": "Saiu",
            }
        ],
    },
    ("tracking_number=MD1", either("31"), T, "Saiu"),
)
case(
    "history with an occurrence only",
    {
        "dtPrevEnt": "25/05/2026 10:00",
        "situacao": {"ocorrencia": "Em viagem", "data": "20/05/2026 10:00"},
        "historico": [
            {"ocorrencia": "Coletado", "data": "20/05/2026 10:00", "observacao": "-"}
        ],
    },
    (None, "Coletado", T, None),
)
case(
    "freight by invoice",
    {
        "conhecimentos": [
            {
                "numero": "991",
                "notaFiscal": "123",
                "previsaoEntrega": "25/05/2026",
                "timeLine": [
                    {"data": "20/05/2026 10:00", "descricao": "COLETA REALIZADA"}
                ],
            }
        ]
    },
    (None, None, T, "COLETA REALIZADA"),
)
case(
    "a bill with details and scan types",
    {
        "billCode": "888000000001",
        "txlogisticId": "1500-01",
        "details": [
            {
                "scanTime": "2026-05-20 10:00:00",
                "scanTypeCode": "10",
                "scanTypeName": "Coleta",
                "desc": "Coletado",
                "scanNetworkName": "Filial",
                "scanNetworkId": 7,
            }
        ],
    },
    (None, either("10"), T, "Coletado"),
)
case(
    "a state that changed from another",
    {
        "tracking_id": "NM1",
        "previous_status": "A",
        "status": "B",
        "status_code": 2004,
        "updated_at": ISO,
    },
    ("tracking_number=NM1", "2004", None, None),
)
case(
    "a result with success and a code of the answer",
    {
        "success": True,
        "code": 200,
        "message": "OK",
        "data": {"awb_number": "AW1", "shipment_status": "DLV", "status_time": ISO},
    },
    ("tracking_number=AW1", "DLV", T, None),
)
case(
    "an envelope with a code and a text",
    {
        "code": 0,
        "msg": "ok",
        "tracking": {
            "number": "E1",
            "events": [{"eventCode": "X", "eventText": "Ok", "eventDate": ISO}],
        },
    },
    ("tracking_number=E1", "X", T, "Ok"),
)
case(
    "a scan with a depot before it",
    {
        "depot": {"id": 77, "name": "Norte"},
        "scan": {"id": "s-1", "type": "OUT", "performedAt": ISO},
        "parcelNumber": "PN1",
    },
    ("tracking_number=PN1", either("OUT"), T, None),
)
case(
    "delivery proof with a time of its own",
    {
        "numero_rastreamento": "BR200",
        "status": "ENTREGUE",
        "data_status": "20/05/2026 10:00",
        "comprovante": {"data": "21/05/2026 11:30", "url": "https://x.example/1"},
    },
    ("tracking_number=BR200", "ENTREGUE", T, None),
)
case(
    "a number in the address before the parcel's",
    {
        "destino": {"numero": "1200", "cep": "50000000"},
        "numero_envio": "EN1",
        "estado": "EN_RUTA",
        "fecha_evento": "2026-05-20 10:00:00",
    },
    ("tracking_number=EN1", "EN_RUTA", T, None),
)
case(
    "months before days in all events",
    {
        "tracking": "US3",
        "scans": [
            {"scan_code": "A", "scan_date": "05/04/2026 10:00:00", "remarks": "x"},
            {"scan_code": "B", "scan_date": "05/05/2026 10:00:00", "remarks": "y"},
        ],
    },
    ("tracking_number=US3", "A", None, None),
    ("tracking_number=US3", "B", None, None),
)
case(
    "a code for the milestone and one of the carrier",
    {
        "tracking": "BR201",
        "events": [
            {
                "carrier_code": "71",
                "code": "in_transit",
                "description": "Em viagem",
                "at": ISO,
            }
        ],
    },
    ("tracking_number=BR201", either("in_transit"), T, "Em viagem"),
)
case(
    "an event without a parcel",
    {"status": "DELIVERED", "date": ISO},
    (None, "DELIVERED", T, None),
)
case(
    "eight digits that are a day, and eight that are not",
    {"nro_guia": "20260520", "cod_estado": "5", "fecha_hora": "20260520 10:00"},
    ("tracking_number=20260520", "5", T, None),
)
case(
    "a phone number of ten digits",
    {"rastreio": "BR202", "evento": "ENT", "contato": "1779282000", "momento": ISO},
    ("tracking_number=BR202", "ENT", T, None),
)
case(
    "events by parcel number in an object",
    {
        "pedido": "1500",
        "eventos": {
            "V1": [{"codigo": "1", "data": ISO, "descricao": "Um"}],
            "V2": [{"codigo": "2", "data": ISO2, "descricao": "Dois"}],
        },
    },
    (None, None, None, None),
)
case(
    "one event as an object called tracking",
    {
        "order": {"id": "O-1"},
        "tracking": {
            "code": "BR203",
            "status": "posted",
            "date": ISO,
            "url": "https://x.example/BR203",
        },
    },
    ("tracking_number=BR203", "posted", T, None),
)
case(
    "old and new format of one time",
    {
        "tracking": "BR204",
        "status": "A",
        "fecha": "20/05/2026 10:00:00",
        "timestamp": "1779282000",
    },
    ("tracking_number=BR204", "A", None, None),
)
case(
    "a box with a label that is a text",
    {
        "envio": {"codigo_seguimiento": "CS1", "etiqueta": "Caja 1 de 2"},
        "evento": {
            "codigo": "RUT",
            "titulo": "En ruta",
            "fecha": "2026-05-20T10:00:00",
        },
    },
    ("tracking_number=CS1", "RUT", T, "En ruta"),
)

# Written after the rules were corrected by the samples above.
case(
    "a list of updates with nested states",
    {
        "meta": {"version": 2, "code": "200"},
        "updates": [
            {
                "shipmentNumber": "SH1",
                "state": {"code": "50", "label": "Zugestellt"},
                "happenedAt": ISO,
                "createdAt": ISO2,
            },
            {
                "shipmentNumber": "SH2",
                "state": {"code": "20", "label": "Unterwegs"},
                "happenedAt": ISO2,
                "createdAt": ISO2,
            },
        ],
    },
    ("tracking_number=SH1", "50", T, "Zugestellt"),
    ("tracking_number=SH2", "20", U, "Unterwegs"),
)
case(
    "receiver's data and a signature before the event",
    {
        "assinatura": {"data": "20/05/2026 10:00", "nome": "Uma Pessoa"},
        "nota": "1",
        "rastreador": "RT1",
        "cod_status": 22,
        "ds_status": "Entregue",
        "dt_status": "21/05/2026 11:30",
    },
    ("tracking_number=RT1", "22", U, "Entregue"),
)
case(
    "an answer with a list of lists",
    {
        "rows": [
            ["BR1", "20/05/2026 10:00", "ENT"],
            ["BR2", "21/05/2026 11:30", "ENT"],
        ],
        "status": "ok",
        "date": ISO,
    },
    (None, None, None, None),
)
case(
    "a scheduled delivery that failed",
    {
        "tracking": "BR300",
        "status": "failed",
        "scheduled_at": ISO2,
        "attempted_at": ISO,
        "attempts": 2,
    },
    ("tracking_number=BR300", "failed", T, None),
)
case(
    "events of two kinds in one list",
    {
        "awb": "BR301",
        "events": [
            {"kind": "scan", "code": "A", "time": ISO, "text": "Um"},
            {"kind": "note", "time": ISO2, "text": "Dois"},
        ],
    },
    ("tracking_number=BR301", None, T, "Um"),
    ("tracking_number=BR301", None, U, "Dois"),
)
case(
    "a time only in some events",
    {
        "awb": "BR302",
        "events": [
            {"code": "A", "time": ISO, "text": "Um"},
            {"code": "B", "time": None, "text": "Dois"},
        ],
    },
    (None, None, None, None),
)
case(
    "a minute's number that looks like an invoice",
    {
        "minuta": "778899",
        "nota_fiscal": {"numero": "123", "chave": "4" * 44},
        "ocorrencias": [
            {
                "codigo_ocorrencia": "1",
                "descricao_ocorrencia": "Entregue",
                "data_ocorrencia": "20/05/2026",
                "hora_ocorrencia": "10:00:00",
            }
        ],
    },
    (either("invoice_key=" + "4" * 44), "1", T, "Entregue"),
)
case(
    "a driver's route with stops",
    {
        "route": {"id": "R1", "date": "2026-05-19 10:00:00", "status": "open"},
        "stops": [{"tracking_number": "ST1", "status": "delivered", "arrived_at": ISO}],
    },
    (None, None, None, None),
)
case(
    "upper case with underscores",
    {
        "NUM_AWB": "AW-300",
        "COD_EVENTO": "E1",
        "DESC_EVENTO": "Coletado",
        "DATA_EVENTO": "2026-05-20T10:00:00",
        "COD_FILIAL": "F1",
    },
    ("tracking_number=AW-300", "E1", T, "Coletado"),
)
case(
    "words without separators",
    {
        "trackingnumber": "AW-301",
        "statuscode": "E1",
        "eventdate": "2026-05-20T10:00:00",
        "statusdescription": "Coletado",
    },
    ("tracking_number=AW-301", "E1", T, "Coletado"),
)
case(
    "a return beside the parcel",
    {
        "tracking_number": "BR303",
        "return_tracking_number": "BR304",
        "status": "A",
        "event_time": ISO,
    },
    (None, "A", T, None),
)
case(
    "a price history",
    {
        "tracking": "BR305",
        "estado": "EN_CAMINO",
        "fecha": ISO,
        "history": [
            {"price": "10", "type": "quote", "date": ISO2, "description": "Tarifa"}
        ],
    },
    (None, None, None, None),
)
