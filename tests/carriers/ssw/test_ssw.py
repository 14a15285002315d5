from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.ssw import Adapter
from carriers.ssw.sandbox import Simulator
from relay.adapters.protocol import (
    ContractOptions,
    Document,
    PollingCarrier,
    UnreadablePart,
)
from relay.domain.events import (
    Effect,
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.errors import ConfigurationError
from relay.sandbox.simulator import Answers
from tests.carriers.ssw.signing import KEY, asked, document, found, occurrence
from tests.carriers.ssw.signing import transport as written
from tests.carriers.support import every_case

ARRIVED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")


def adapter(**settings: Any) -> Adapter:
    return Adapter(ContractOptions("road", **({"zone": ZONE} | settings)))


def read(body: bytes, **settings: Any) -> list[TrackingEvent]:
    return adapter(**settings).parse(Document(body, ARRIVED))


def event(code: str, **changes: Any) -> TrackingEvent:
    [one] = read(document(code, **changes))
    return one


def named(text: str, **settings: Any) -> TrackingEvent:
    [one] = read(document("", ocorrencia=text), **settings)
    return one


MEANING = {
    "01": (Milestone.DELIVERED, Effect.NORMAL, False),
    "02": (Milestone.DELIVERED, Effect.PROVISIONAL, False),
    "03": (Milestone.RETURNED, Effect.NORMAL, False),
    "14": (Milestone.UNKNOWN, Effect.ADMINISTRATIVE, False),
    "19": (Milestone.UNKNOWN, Effect.ADMINISTRATIVE, False),
    "37": (Milestone.DELIVERED, Effect.NORMAL, False),
    "48": (Milestone.LABEL_CREATED, Effect.NORMAL, False),
    "55": (Milestone.LOST, Effect.NORMAL, True),
    "58": (Milestone.IN_TRANSIT, Effect.NORMAL, False),
    "70": (Milestone.UNKNOWN, Effect.ADMINISTRATIVE, False),
    "74": (Milestone.LABEL_CREATED, Effect.NORMAL, False),
    "80": (Milestone.PICKED_UP, Effect.NORMAL, False),
    "85": (Milestone.OUT_FOR_DELIVERY, Effect.NORMAL, False),
    "86": (Milestone.EXCEPTION, Effect.ROLLBACK, False),
    "91": (Milestone.LOST, Effect.NORMAL, False),
    "92": (Milestone.LOST, Effect.NORMAL, True),
    "98": (Milestone.UNKNOWN, Effect.NORMAL, False),
}
"""Milestone, effect and finality of standard codes."""


def test_standard_codes_have_their_meaning() -> None:
    with every_case() as case:
        for code, meaning in MEANING.items():
            with case(code):
                one = event(code)
                assert (one.milestone, one.effect, one.final) == meaning


def test_a_rollback_takes_back_what_ended_the_way() -> None:
    assert event("86").undoes == ("01", "02", "03", "37")


@pytest.mark.parametrize("code", ["1", "01", "001", 1, " 1 "])
def test_a_code_is_the_same_with_and_without_zeros(code: Any) -> None:
    one = event(code)
    assert (one.carrier_code, one.milestone) == ("01", Milestone.DELIVERED)


def test_the_standard_code_comes_before_the_carriers_own() -> None:
    one = event("82", ocorrencia="SAIDA DE UNIDADE (01)")
    assert (one.carrier_code, one.milestone) == ("82", Milestone.IN_TRANSIT)
    assert one.description == "SAIDA DE UNIDADE"


@pytest.mark.parametrize(
    ("text", "code", "milestone"),
    [
        ("MERCADORIA ENTREGUE (31)", "01", Milestone.DELIVERED),
        ("Mercadoria  entregue", "01", Milestone.DELIVERED),
        ("PRE-ENTREGUE (MOBILE)", "02", Milestone.DELIVERED),
        ("PRE-ENTREGUE (MOBILE) (2)", "02", Milestone.DELIVERED),
        ("DEVOLVIDA AO REMETENTE (01)", "03", Milestone.RETURNED),
        ("CONFISCADA PELA FISCALIZACAO", "61", Milestone.HELD),
        ("ESTORNO DE BAIXA/ENTREGA ANTERIOR (99)", "86", Milestone.EXCEPTION),
    ],
)
def test_without_a_standard_code_the_standard_name_gives_it(
    text: str, code: str, milestone: Milestone
) -> None:
    one = named(text)
    assert (one.carrier_code, one.milestone) == (code, milestone)


@pytest.mark.parametrize(
    ("text", "code", "milestone"),
    [
        ("DOCUMENTO DE TRANSPORTE EMITIDO (67)", "(67)", Milestone.PICKED_UP),
        ("CHEGADA EM UNIDADE DE TRANSBORDO (75)", "(75)", Milestone.AT_HUB),
        ("MERCADORIA ENTREGUE AO REMETENTE (01)", "(01)", Milestone.RETURNING),
        ("MERCADORIA ENTREGUE NO DEPOSITO (01)", "(01)", Milestone.UNKNOWN),
        ("SAIDA PARA ENTREGA CANCELADA (85)", "(85)", Milestone.UNKNOWN),
        ("ALGO (01)", "(01)", Milestone.UNKNOWN),
        ("ALGO", "", Milestone.UNKNOWN),
    ],
)
def test_the_carriers_own_number_means_nothing_by_itself(
    text: str, code: str, milestone: Milestone
) -> None:
    one = named(text)
    assert (one.carrier_code, one.milestone) == (code, milestone)


def test_a_contract_says_what_the_carriers_own_number_means() -> None:
    rows = {"(98)": {"milestone": "at_hub"}, "1": {"milestone": "exception"}}
    assert named("CHEGOU (98)", codes=rows).milestone is Milestone.AT_HUB
    [one] = read(document("01"), codes=rows)
    assert one.milestone is Milestone.EXCEPTION


def test_what_is_written_after_the_delivery_is_administrative() -> None:
    events = read(
        asked(
            found(
                documento=written(
                    occurrence("01", "2026-05-19T15:00:00"),
                    occurrence("19", "2026-05-21T09:00:00"),
                )
            )
        )
    )
    assert [(e.carrier_code, e.effect) for e in events] == [
        ("01", Effect.NORMAL),
        ("19", Effect.ADMINISTRATIVE),
    ]
    assert events[0].occurred_at == datetime(2026, 5, 19, 18, tzinfo=UTC)


def test_it_happened_at_the_effective_time() -> None:
    one = event("01", data_hora="2026-05-20T08:00:00")
    assert one.occurred_at == datetime(2026, 5, 15, 17, 30, tzinfo=UTC)
    one = event("01", data_hora_efetiva="")
    assert one.occurred_at == datetime(2026, 5, 15, 17, 30, tzinfo=UTC)


def test_an_occurrence_without_a_time_is_unreadable() -> None:
    with pytest.raises(ValueError, match="data_hora: missing"):
        event("01", data_hora=None, data_hora_efetiva=None)


def test_times_are_of_the_contracts_zone() -> None:
    [one] = read(document("01"), zone=ZoneInfo("America/Manaus"))
    assert one.occurred_at == datetime(2026, 5, 15, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("VIANA / ES", ("VIANA", "ES")),
        ("VIANA/ES", ("VIANA", "ES")),
        ("VIANA", ("VIANA", "")),
        (None, ("", "")),
    ],
)
def test_a_place_is_a_city_and_a_state(text: Any, place: tuple[str, str]) -> None:
    one = event("80", cidade=text)
    assert (one.city, one.state) == place


FIRST, SECOND = (
    occurrence("80"),
    occurrence("01", "2026-05-19T15:00:00"),
)


@pytest.mark.parametrize(
    "documents",
    [
        {"documento": written(FIRST, SECOND)},
        {"documento": [written(FIRST, SECOND)]},
        {"documentos": [written(FIRST), written(SECOND)]},
        {"documentos": written(FIRST, SECOND)},
        {"documento": written(FIRST), "documentos": [written(SECOND)]},
    ],
)
def test_one_or_many_stand_under_either_name(documents: Any) -> None:
    events = read(asked(found(**documents)))
    assert [(e.carrier_code, e.position) for e in events] == [("80", 0), ("01", 1)]


@pytest.mark.parametrize("tracking", [FIRST, [FIRST]])
def test_one_occurrence_may_stand_without_its_list(tracking: Any) -> None:
    assert len(read(asked(found(documento={"tracking": tracking})))) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "message": "Nenhum documento localizado"},
        found(documento=[]),
        found(documento={"tracking": None}),
        found(documento=None, documentos=[]),
    ],
)
def test_what_is_not_found_yet_has_no_events(answer: Any) -> None:
    assert read(asked(answer)) == []


@pytest.mark.parametrize("success", ["true", 1, None])
def test_an_answer_that_does_not_say_success_is_unreadable(success: Any) -> None:
    with pytest.raises(ValueError, match="success"):
        read(asked({"success": success}))


def test_an_answer_without_the_polled_key_is_unreadable() -> None:
    with pytest.raises(ValueError, match="chave_nfe"):
        read(asked(found(), key=""))


def test_references_are_the_key_and_its_invoice() -> None:
    assert [(r.kind.value, r.value) for r in event("01").references] == [
        ("invoice_key", KEY),
        ("invoice", "11222333000181/1/12345"),
    ]
    [one] = read(asked(found(documento=written(FIRST)), key="3" * 44))
    assert [r.kind.value for r in one.references] == ["invoice_key"]


def test_shoppers_do_not_read_who_received_it() -> None:
    one = event("01", ocorrencia="", descricao="Recebido por Fulana Inventada")
    assert one.description == "MERCADORIA ENTREGUE"


def test_the_tracking_page_follows_the_invoice() -> None:
    page = "https://ssw.inf.br/app/tracking/11222333000181/12345"
    key = Reference(kind=ReferenceKind.INVOICE_KEY, value=KEY)
    assert adapter().tracking_url(ParcelView((), invoice_key=KEY)) == page
    assert adapter().tracking_url(ParcelView((key,))) == page
    assert adapter().tracking_url(ParcelView((), "ZZ1")) is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"password": "x"}, "cnpj: required"),
        ({"sigla_emp": "ARL"}, "cnpj: required"),
        ({"cnpj": "11222333000182"}, "cnpj: the CNPJ's check digits"),
        ({"base_url": "http://ssw.example"}, "base_url: "),
        ({"user": "x"}, "user: unknown option"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(options: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{says}"):
        adapter(options=options)


def test_its_part_in_the_sandbox_is_to_answer() -> None:
    assert isinstance(Simulator(), Answers)
    assert isinstance(adapter(), PollingCarrier)


OUTBOUND = written(occurrence("80", "2026-05-15T14:30:00"))
BACK = {"remetente": "FULANA INVENTADA", "destinatario": "LOJA INVENTADA LTDA"}


def both_ways(
    *back: Any, outbound: Any = OUTBOUND, **header: Any
) -> list[TrackingEvent]:
    """Parse an outbound document and one that follows, in either order."""
    other = written(*back, **(BACK | header))
    orders = ([outbound, other], [other, outbound])
    first, second = (read(asked(found(documentos=order))) for order in orders)

    def known(events: list[TrackingEvent]) -> list[TrackingEvent]:
        in_time = sorted(events, key=lambda e: e.occurred_at)
        return [e.model_copy(update={"position": 0}) for e in in_time]

    assert known(first) == known(second)
    return known(first)


@pytest.mark.parametrize("code", ["01", "02", "03", "37", "84", "85", "11", "80"])
def test_a_document_of_the_reverse_direction_is_a_return(code: str) -> None:
    _, found = both_ways(occurrence(code, "2026-05-20T10:00:00"))
    assert (found.milestone, found.effect) == (Milestone.RETURNING, Effect.NORMAL)


def test_a_rollback_of_a_return_undoes_nothing_of_the_outbound_document() -> None:
    outbound = written(occurrence("01", "2026-05-15T14:30:00"))
    delivered, found = both_ways(
        occurrence("86", "2026-05-20T10:00:00"), outbound=outbound
    )
    assert delivered.milestone is Milestone.DELIVERED
    assert found.effect is Effect.ADMINISTRATIVE


@pytest.mark.parametrize(
    "sender", ["LOJA INVENTADA LTDA", "Loja Inventada Ltda.", "", None]
)
def test_another_document_of_the_same_sender_delivers(sender: str | None) -> None:
    _, found = both_ways(occurrence("01", "2026-05-20T10:00:00"), remetente=sender)
    assert found.milestone is Milestone.DELIVERED


@pytest.mark.parametrize("header", [None, [], ""])
def test_a_document_may_come_without_a_header(header: Any) -> None:
    alone = written(occurrence("01")) | {"header": header}
    [found] = read(asked({"success": True, "documento": alone}))
    assert found.milestone is Milestone.DELIVERED


def test_a_delivery_whose_text_has_another_meaning_is_contradictory() -> None:
    found = event("01", ocorrencia="SAIDA PARA ENTREGA (85)")
    assert found.milestone is Milestone.DELIVERED
    assert found.effect is Effect.CONTRADICTORY


@pytest.mark.parametrize("text", ["ENTREGA REALIZADA", "Entrega realizada (12)"])
def test_kind_and_name_of_a_delivery_are_one_without_a_code(text: str) -> None:
    found = event("", ocorrencia=text, tipo="Entrega")
    assert (found.milestone, found.carrier_code) == (Milestone.DELIVERED, "01")


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("", "ENTREGA REALIZADA", "Informativo"),
        ("", "ENTREGA REALIZADA", None),
        ("", "ENTREGA NAO REALIZADA", "Entrega"),
        ("", "ENTREGA REALIZADA AO REMETENTE", "Entrega"),
        ("98", "ENTREGA REALIZADA", "Entrega"),
    ],
)
def test_kind_or_name_alone_is_no_delivery(
    code: str, text: str, kind: str | None
) -> None:
    found = event(code, ocorrencia=text, tipo=kind)
    assert found.milestone is not Milestone.DELIVERED


WITHOUT_TIME = occurrence("85") | {"data_hora": None, "data_hora_efetiva": None}
ENDED = occurrence("01", "2026-05-19T15:00:00")


def told(*transports: Any) -> list[Any]:
    """Parse an answer: code and effect of each event, or a part's position."""
    return [
        part.position
        if isinstance(part, UnreadablePart)
        else (part.carrier_code, part.effect)
        for part in read(asked(found(documentos=list(transports))))
    ]


def test_a_bad_occurrence_stops_no_other_but_a_delivery_that_it_may_undo() -> None:
    bad = "resposta.documentos.0.tracking.{}"
    assert told(written(FIRST, WITHOUT_TIME, ENDED)) == [
        ("80", Effect.NORMAL),
        bad.format(1),
        ("01", Effect.NORMAL),
    ]
    assert told(written(FIRST, ENDED, WITHOUT_TIME)) == [
        ("80", Effect.NORMAL),
        ("01", Effect.INCOMPLETE),
        bad.format(2),
    ]


@pytest.mark.parametrize(
    "outbound", ["broken", written(WITHOUT_TIME), {"tracking": FIRST, "header": [1]}]
)
def test_a_return_is_no_delivery_where_the_outbound_document_is_unreadable(
    outbound: Any,
) -> None:
    for order in (
        [outbound, written(ENDED, **BACK)],
        [written(ENDED, **BACK), outbound],
    ):
        effects = [part[1] for part in told(*order) if part[0] == "01"]
        assert effects == [Effect.INCOMPLETE]
