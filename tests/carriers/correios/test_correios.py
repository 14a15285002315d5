import json
from datetime import UTC, datetime
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.correios import Adapter
from carriers.correios.sandbox import Simulator
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
from tests.carriers import support
from tests.carriers.correios.signing import document, scan, tracked
from tests.carriers.support import every_case

ARRIVED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
FAMILIES = ("BDE", "BDI", "BDR")


def adapter(options: Any = None, **settings: Any) -> Adapter:
    given = {"zone": ZONE, "options": options or {"access_code": "cws-ch1_x"}}
    return Adapter(ContractOptions("post", **(given | settings)))


def read(value: object, **settings: Any) -> list[TrackingEvent]:
    return adapter(**settings).parse(Document(json.dumps(value).encode(), ARRIVED))


def event(code: str, **changes: Any) -> TrackingEvent:
    [found] = adapter().parse(Document(document(code, **changes), ARRIVED))
    return found


MEANING = {
    "PO01": Milestone.PICKED_UP,
    "DO01": Milestone.IN_TRANSIT,
    "OEC01": Milestone.OUT_FOR_DELIVERY,
    "OEC09": Milestone.RETURNING,
    "LDE09": Milestone.RETURNING,
    "LDI14": Milestone.AVAILABLE_FOR_PICKUP,
    "FC04": Milestone.DELIVERY_FAILED,
    "BLQ01": Milestone.EXCEPTION,
    "PAR16": Milestone.HELD,
    "PAR17": Milestone.HELD,
    "OEC03": Milestone.OUT_FOR_DELIVERY,
    "CO08": Milestone.UNKNOWN,
    "FC51": Milestone.LOST,
    "IDC07": Milestone.LOST,
}
RESULTS = {
    "00": (Milestone.DELIVERED, False),
    "01": (Milestone.DELIVERED, False),
    "04": (Milestone.DELIVERY_FAILED, False),
    "09": (Milestone.EXCEPTION, False),
    "14": (Milestone.UNKNOWN, False),
    "20": (Milestone.DELIVERY_FAILED, False),
    "23": (Milestone.RETURNED, False),
    "26": (Milestone.RETURNING, False),
    "40": (Milestone.RETURNING, False),
    "47": (Milestone.AT_HUB, False),
    "50": (Milestone.LOST, True),
    "67": (Milestone.DELIVERED, False),
    "68": (Milestone.DELIVERED, False),
    "70": (Milestone.DELIVERED, False),
    "75": (Milestone.HELD, False),
    "77": (Milestone.UNKNOWN, False),
    "80": (Milestone.LOST, True),
    "89": (Milestone.RETURNING, False),
}
"""Milestone and finality of the kinds in the families BDE, BDI and BDR."""


def test_family_and_kind_together_have_a_meaning() -> None:
    with every_case() as case:
        for code, milestone in MEANING.items():
            with case(code):
                assert event(code).milestone is milestone


def test_one_family_holds_deliveries_and_their_failures() -> None:
    with every_case() as case:
        for family, kind in product(FAMILIES, RESULTS):
            with case(family + kind):
                found = event(f"{family}{kind}")
                assert (found.milestone, found.final) == RESULTS[kind]


def test_the_three_families_agree_but_for_a_few_numbers() -> None:
    rows = support.table("correios").rows
    numbers = {f: {c[3:] for c in rows if c.startswith(f)} for f in FAMILIES}
    only = {"31", "63", "64"}
    assert numbers["BDE"] == numbers["BDI"]
    assert numbers["BDE"] - {"98"} == numbers["BDR"] - only
    for number in numbers["BDE"] - {"98"}:
        assert rows[f"BDE{number}"] == rows[f"BDI{number}"] == rows[f"BDR{number}"]


@pytest.mark.parametrize(("family", "kind"), [("bde", 1), ("BDE", "1"), (" BDE", "01")])
def test_a_code_is_the_same_with_and_without_zeros(family: str, kind: object) -> None:
    found = event("BDE01", codigo=family, tipo=kind)
    assert (found.carrier_code, found.milestone) == ("BDE01", Milestone.DELIVERED)


@pytest.mark.parametrize(("family", "kind"), [("BDE", ""), ("", "01"), ("", "")])
def test_half_a_pair_means_nothing(family: str, kind: str) -> None:
    found = event("BDE01", codigo=family, tipo=kind)
    assert (found.carrier_code, found.milestone) == (family + kind, Milestone.UNKNOWN)


@pytest.mark.parametrize(
    ("words", "milestone"),
    [
        ("Objeto encaminhado para Unidade", Milestone.IN_TRANSIT),
        ("Objeto em transferência - por favor aguarde", Milestone.IN_TRANSIT),
        ("Objeto saiu para entrega ao destinatário", Milestone.OUT_FOR_DELIVERY),
        ("Objeto saiu para entrega ao remetente", Milestone.RETURNING),
        ("Objeto será devolvido ao remetente", Milestone.RETURNING),
        ("Objeto entregue ao remetente", Milestone.RETURNING),
        ("Objeto entregue ao destinatário", Milestone.UNKNOWN),
        ("Saída para entrega cancelada", Milestone.UNKNOWN),
        (None, Milestone.UNKNOWN),
    ],
)
def test_a_pair_in_no_table_is_read_from_its_words_but_never_as_delivered(
    words: str | None, milestone: Milestone
) -> None:
    assert event("XYZ77", descricao=words).milestone is milestone


def test_the_table_takes_precedence_over_the_text() -> None:
    assert event("BDE23", descricao="Objeto entregue").milestone is Milestone.RETURNED


def test_an_event_may_be_reworded_and_stays_the_same() -> None:
    before, after = event("RO01", descricao="encaminhado"), event("RO01")
    assert (before.carrier_code, before.occurred_at, before.position) == (
        after.carrier_code,
        after.occurred_at,
        after.position,
    )


def test_an_event_without_words_has_those_of_the_table() -> None:
    found = event("BDE01", descricao=None)
    assert found.description == "Objeto entregue ao destinatário"


def test_a_rollback_undoes_the_event_before_it() -> None:
    found = event("EST09")
    assert (found.effect, found.undoes) == (Effect.ROLLBACK, ())


def test_the_newest_comes_first_and_is_read_last() -> None:
    newest = scan("BDE01", "2026-05-19T10:00:00")
    same, older = (scan(code, "2026-05-18T10:00:00") for code in ("OEC01", "CD00"))
    events = read(tracked(newest, same, older))
    assert [(e.carrier_code, e.position) for e in events] == [
        ("CD00", 0),
        ("OEC01", 1),
        ("BDE01", 2),
    ]


def test_times_are_of_the_contracts_zone() -> None:
    [found] = read(tracked(scan("PO01")), zone=ZoneInfo("America/Manaus"))
    assert found.occurred_at == datetime(2026, 5, 15, 18, 19, 48, tzinfo=UTC)


def test_the_place_is_that_of_the_unit() -> None:
    found = event("PO01")
    assert (found.city, found.state) == ("NITEROI", "RJ")
    assert event("PO01", unidade=None).city == ""
    assert event("PO01", unidade={"endereco": None}).state == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"eventos": None, "mensagem": "SRO-020: Objeto não encontrado na base"},
        {"eventos": [], "mensagem": "SRO-020: Objeto não encontrado na base"},
        {"eventos": []},
        {"eventos": None},
    ],
)
def test_an_object_that_is_not_found_yet_has_no_events(changes: Any) -> None:
    assert read(tracked(**changes)) == []


def test_an_object_that_they_call_invalid_is_visible() -> None:
    with pytest.raises(ValueError, match="has a message") as caught:
        read(tracked(mensagem="SRO-019: Objeto inválido"))
    assert "SRO-019" not in str(caught.value)


def test_a_remark_beside_events_does_not_hide_them() -> None:
    assert len(read(tracked(scan("PO01"), mensagem="Objeto com atraso"))) == 1


def test_an_object_without_its_number_is_unreadable() -> None:
    with pytest.raises(ValueError, match="codObjeto"):
        read(tracked(scan("PO01"), codObjeto=""))


def test_a_contract_lays_its_own_rows_over_the_table() -> None:
    [found] = read(tracked(scan("BLQ01")), codes={"BLQ01": {"milestone": "returning"}})
    assert found.milestone is Milestone.RETURNING


def test_the_tracking_page_follows_the_number() -> None:
    page = "https://rastreamento.correios.com.br/app/index.php?objetos="
    number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="ZZ 1")
    assert adapter().tracking_url(ParcelView((), "ZZ1")) == f"{page}ZZ1"
    assert adapter().tracking_url(ParcelView((number,))) == f"{page}ZZ%201"
    assert adapter().tracking_url(ParcelView(())) is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"user": "u"}, "access_code: required"),
        ({"access_code": "c", "posting_card": "1"}, "user: required"),
        ({"access_code": "c", "contract_number": 1}, "user: required"),
        (
            {"access_code": "c", "user": "u", "posting_card": 1, "contract_number": 2},
            "posting_card: conflicts with contract_number",
        ),
        ({"access_code": "c", "base_url": "http://post.example"}, "base_url: "),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(options: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{says}"):
        adapter(options)


def test_its_part_in_the_sandbox_is_to_answer() -> None:
    assert isinstance(Simulator(), Answers)
    assert isinstance(adapter(), PollingCarrier)


@pytest.mark.parametrize("field", ["descricao", "detalhe"])
def test_a_delivery_whose_text_means_a_return_is_none(field: str) -> None:
    found = event("BDE01", **{field: "Objeto entregue p/ remetente"})
    assert found.milestone is Milestone.RETURNING


def test_a_delivery_whose_text_has_another_meaning_is_contradictory() -> None:
    found = event("BDE01", descricao="Objeto saiu para entrega ao destinatário")
    assert found.milestone is Milestone.DELIVERED
    assert found.effect is Effect.CONTRADICTORY


def test_a_delivery_to_a_neighbour_with_the_senders_consent_is_one() -> None:
    text = "Entrega realizada em endereço vizinho, conforme autorizado pelo remetente"
    found = event("BDE67", descricao=f"Objeto entregue ao destinatário - {text}")
    assert (found.milestone, found.effect) == (Milestone.DELIVERED, Effect.NORMAL)


WITHOUT_TIME = scan("RO01") | {"dtHrCriado": None}


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([scan("BDE01"), WITHOUT_TIME], ["eventos.1", Effect.NORMAL]),
        ([WITHOUT_TIME, scan("BDE01")], [Effect.INCOMPLETE, "eventos.0"]),
        ([WITHOUT_TIME, scan("PO01")], [Effect.NORMAL, "eventos.0"]),
    ],
)
def test_a_bad_event_stops_no_other_but_a_delivery_that_it_may_undo(
    newest_first: Any, expected: list[Any]
) -> None:
    parts = read(tracked(*newest_first))
    assert [
        part.position if isinstance(part, UnreadablePart) else part.effect
        for part in parts
    ] == expected
