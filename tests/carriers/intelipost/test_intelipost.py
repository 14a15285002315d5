import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.intelipost import Adapter
from carriers.intelipost.payload import normalised_state
from carriers.intelipost.sandbox import Simulator
from relay.adapters.protocol import ContractOptions, Document, WebhookRequest
from relay.domain.events import Effect, Milestone, ParcelView, TrackingEvent
from relay.errors import VerificationFailed
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan, Simulates
from tests.carriers import support
from tests.carriers.intelipost.signing import document, notice

ARRIVED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
KEY = "11222333000181"
VALID_KEY = "35261111222333000181550010000123451000000018"  # invented


def read(body: bytes, **settings: Any) -> list[TrackingEvent]:
    made = Adapter(ContractOptions("hub", ZONE, **settings))
    return made.parse(Document(body, ARRIVED))


def event(code: str, **changes: Any) -> TrackingEvent:
    [found] = read(document(code, **changes))
    return found


def values(body: bytes) -> list[tuple[str, str]]:
    [found] = read(body)
    return [(r.kind.value, r.value) for r in found.references]


def body(code: str = "ENTREGUE", **changes: Any) -> bytes:
    return json.dumps(json.loads(document(code)) | changes).encode()


def test_the_tables_codes_are_normalised() -> None:
    rows = support.table("intelipost").rows
    assert {code: normalised_state(code) for code in rows} == {
        code: code for code in rows
    }


@pytest.mark.parametrize(
    ("macro", "milestone"),
    [
        ("NEW", Milestone.LABEL_CREATED),
        ("READY_FOR_SHIPPING", Milestone.LABEL_CREATED),
        ("SHIPPED", Milestone.PICKED_UP),
        ("IN_TRANSIT", Milestone.IN_TRANSIT),
        ("TO_BE_DELIVERED", Milestone.OUT_FOR_DELIVERY),
        ("DELIVERED", Milestone.DELIVERED),
        ("CLARIFY_DELIVERY_FAIL", Milestone.DELIVERY_FAILED),
        ("DELIVERY_FAILED", Milestone.EXCEPTION),
        ("CANCELLED", Milestone.CANCELLED),
        ("SOMETHING_NEW", Milestone.UNKNOWN),
    ],
)
def test_without_a_micro_state_the_macro_state_decides(
    macro: str, milestone: Milestone
) -> None:
    changes = {
        "shipment_order_volume_state": macro,
        "shipment_volume_micro_state": None,
    }
    found = event("NEW", **changes)
    assert (found.milestone, found.carrier_code) == (milestone, macro)


def test_the_micro_state_decides_before_the_macro_state() -> None:
    found = event("DEVOLVIDO ORIGEM", shipment_order_volume_state="DELIVERED")
    assert found.milestone is Milestone.RETURNED
    lost = event("Extravio  confirmado", shipment_order_volume_state="DELIVERY_FAILED")
    assert (lost.milestone, lost.carrier_code) == (
        Milestone.LOST,
        "EXTRAVIO CONFIRMADO",
    )


def test_a_micro_state_is_found_by_its_other_name_too() -> None:
    micro = {"default_name": "NOME NOVO", "name": "Em devolução"}
    found = event("DELIVERED", shipment_volume_micro_state=micro)
    assert (found.milestone, found.carrier_code) == (Milestone.RETURNING, "NOME NOVO")
    assert found.description == "Em devolução"


@pytest.mark.parametrize("macro", ["TO_BE_DELIVERED", "DELIVERED", "SOMETHING_NEW"])
def test_an_unknown_micro_state_leaves_the_macro_state_its_say_and_is_listed(
    macro: str,
) -> None:
    found = event("NOME NOVO", shipment_order_volume_state=macro)
    alone = event(
        "NEW", shipment_order_volume_state=macro, shipment_volume_micro_state=None
    )
    assert (found.milestone, found.effect) == (alone.milestone, alone.effect)
    assert (found.carrier_code, found.unmapped) == ("NOME NOVO", True)


@pytest.mark.parametrize(
    "name", ["ENTREGUE", "Devolver - endereço incorreto", "MANTER STATUS ANTERIOR"]
)
def test_a_known_micro_state_is_not_listed_as_unknown(name: str) -> None:
    assert not event(name, shipment_order_volume_state="SOMETHING_NEW").unmapped


@pytest.mark.parametrize(
    ("name", "milestone"),
    [
        ("Devolver - Endereço incorreto", Milestone.RETURNING),
        ("DEVOLUCAO - ENTRADA FILIAL", Milestone.RETURNING),
        ("Carga devolvida ao remetente", Milestone.RETURNED),
        ("INDENIZAÇÃO TOTAL APROVADA", Milestone.LOST),
        ("ENTREGUE NO LOCAL DE RETIRADA", Milestone.AVAILABLE_FOR_PICKUP),
        ("RETIRADO", Milestone.UNKNOWN),
        ("Mercadoria retida/liberada por Fiscalização", Milestone.UNKNOWN),
        ("MERCADORIA LIBERADA POR FISCALIZACAO", Milestone.IN_TRANSIT),
        ("BLOQUEADO PELO REMETENTE", Milestone.EXCEPTION),
        ("NÃO VISITADO", Milestone.EXCEPTION),
        ("ÁREA NÃO ATENDIDA", Milestone.EXCEPTION),
        ("NÃO FOI POSSÍVEL ENTREGAR. AGUARDANDO RETIRADA", "available_for_pickup"),
    ],
)
def test_names_are_compared_without_accents_and_case(
    name: str, milestone: Milestone
) -> None:
    assert event(name).milestone == milestone


@pytest.mark.parametrize(
    "message",
    [
        "Entregue ao remetente",
        "DEVOLUÇÃO ENTREGUE",
        "Objeto devolvido",
        "ENTREGUE PARA O REMETENTE",
        "Entregue na origem",
        "Entregado al remitente",
    ],
)
@pytest.mark.parametrize("code", ["ENTREGUE", "DELIVERED"])
def test_a_return_beats_a_delivery(code: str, message: str) -> None:
    assert event(code, provider_message=message).milestone is Milestone.RETURNING
    assert event("EM TRANSITO", provider_message=message).milestone is (
        Milestone.IN_TRANSIT
    )


def test_a_delivery_whose_unknown_name_mentions_a_return_is_none() -> None:
    found = event("ENTREGUE AO REMETENTE", shipment_order_volume_state="DELIVERED")
    assert found.milestone is Milestone.RETURNING


def test_the_description_of_a_micro_state_is_not_read() -> None:
    assert (
        "devolução"
        in json.loads(document("ENTREGUE"))["history"]["shipment_volume_micro_state"][
            "description"
        ]
    )
    assert event("ENTREGUE").milestone is Milestone.DELIVERED


def test_it_happened_at_the_event_date_and_not_when_it_was_written_down() -> None:
    expected = datetime(2026, 5, 18, 13, 52, tzinfo=UTC)
    assert event("ENTREGUE").occurred_at == expected
    assert event("ENTREGUE", event_date=None).occurred_at == expected


def test_without_its_date_an_event_is_unreadable() -> None:
    with pytest.raises(ValueError, match="event_date: missing"):
        event("ENTREGUE", event_date=None, event_date_iso=None)


@pytest.mark.parametrize("field", ["order_number", "volume_number"])
@pytest.mark.parametrize("empty", [None, "", " "])
def test_a_volume_without_a_name_is_unreadable(field: str, empty: str | None) -> None:
    with pytest.raises(ValueError, match=f"^{field}: missing"):
        read(body(**{field: empty}))


@pytest.mark.parametrize("number", ["1", 1, "PEDIDO0004-1"])
def test_a_volume_is_named_by_its_order_and_number(number: object) -> None:
    assert values(body(volume_number=number))[1] == ("volume_code", "PEDIDO0004/1")


def test_references_come_best_first() -> None:
    key = {"invoice_key": VALID_KEY}
    assert values(body(invoice=key)) == [
        ("tracking_number", "IP20260518BR"),
        ("volume_code", "PEDIDO0004/1"),
        ("invoice_key", VALID_KEY),
        ("invoice", f"{KEY}/1/12345"),
        ("order_id", "PEDIDO0004"),
    ]


def test_an_invoice_without_a_key_names_nothing() -> None:
    kinds = [kind for kind, _ in values(body(invoice={"invoice_number": "12345"}))]
    assert kinds == ["tracking_number", "volume_code", "order_id"]


@pytest.mark.parametrize("text", [b"", b" \n", b"{}", b'{"history": null}'])
def test_a_request_without_a_history_has_no_event(text: bytes) -> None:
    assert read(text) == []


def test_no_ops_are_administrative() -> None:
    for code in ("INTERNAL_STATUS", "KEEP_PREVIOUS", "RECALCULO DE PRAZO"):
        assert event(code).effect is Effect.ADMINISTRATIVE


def test_a_contracts_rows_may_be_written_as_in_the_panel() -> None:
    rows = {"Destinatário ausente": {"milestone": "held"}}
    [found] = read(document("DESTINATARIO AUSENTE"), codes=rows)
    assert found.milestone is Milestone.HELD


def test_an_event_without_words_has_those_of_the_table() -> None:
    changes = {"shipment_order_volume_state_localized": None}
    assert event("DELIVERED", **changes).description == "Entregue"


def test_a_name_longer_than_a_code_is_cut() -> None:
    assert len(event("x" * 300).carrier_code) == 100


def test_another_key_is_refused() -> None:
    made = Adapter(ContractOptions("hub", ZONE, secrets=("key",)))
    made.verify(WebhookRequest({"api-key": "key"}, b"{}"))
    with pytest.raises(VerificationFailed):
        made.verify(WebhookRequest({"api-key": "Key"}, b"{}"))


def test_there_is_no_public_page() -> None:
    made = Adapter(ContractOptions("hub", ZONE))
    assert made.tracking_url(ParcelView((), "IP1")) is None


def test_a_history_that_is_none_is_unreadable() -> None:
    with pytest.raises(ValueError, match="history"):
        read(notice("soon"))


@pytest.mark.parametrize(("code", "secret"), [("ENTREGUE", ""), ("", "s")])
def test_the_sandbox_refuses_what_the_hub_never_sends(code: str, secret: str) -> None:
    scan = SimulatedScan(SimulatedParcel("order", "volume"), code, ARRIVED)
    with pytest.raises(ValueError, match=r"^(secret|code): required"):
        Simulator().webhook(scan, secret)


def test_the_sandboxs_part_fits_its_stage() -> None:
    assert isinstance(Simulator(), Simulates)


CUSTOM = {"default_name": "ENTREGUE", "name": "DESTINATARIO AUSENTE"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"shipment_order_volume_state": "IN_TRANSIT"}, "ENTREGUE / IN_TRANSIT"),
        ({"shipment_order_volume_state": "KEEP_PREVIOUS"}, "ENTREGUE / KEEP_PREVIOUS"),
        ({"shipment_order_volume_state": "new state"}, "ENTREGUE / NEW STATE"),
        ({"shipment_volume_micro_state": CUSTOM}, "ENTREGUE / DESTINATARIO AUSENTE"),
        (
            {"event_date_iso": "2022-05-18T10:52:00.000-03:00"},
            "ENTREGUE / event_date 2026-05-18 / event_date_iso 2022-05-18",
        ),
        ({"event_date_iso": "never"}, "ENTREGUE / event_date_iso: not a date"),
        (
            {"event_date_iso": "0001-01-01T00:00:00+03:00"},
            "ENTREGUE / event_date 2026-05-18 / event_date_iso 0001-01-01",
        ),
    ],
)
def test_a_delivery_that_another_field_denies_is_contradictory(
    changes: dict[str, Any], code: str
) -> None:
    found = event("ENTREGUE", **changes)
    assert found.milestone is Milestone.DELIVERED
    assert (found.effect, found.carrier_code) == (Effect.CONTRADICTORY, code)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"shipment_order_volume_state": None},
        {"shipment_order_volume_state": ""},
        {"event_date_iso": None},
        {"event_date": None},
        {"event_date_iso": "2026-05-18T10:52:00"},
        {"shipment_volume_micro_state": {"default_name": "ENTREGUE", "name": "LIDO"}},
    ],
)
def test_a_delivery_that_no_field_denies_counts(changes: dict[str, Any]) -> None:
    found = event("ENTREGUE", **changes)
    assert (found.milestone, found.effect) == (Milestone.DELIVERED, Effect.NORMAL)


def test_other_states_may_differ_from_the_macro_state() -> None:
    found = event("EM TRANSITO", shipment_order_volume_state="DELIVERED")
    assert (found.milestone, found.effect) == (Milestone.IN_TRANSIT, Effect.NORMAL)
