"""What a number or an id can be, by every way in."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel
from pydantic_core import to_json

from carriers.correios import Adapter as Correios
from relay.adapters.protocol import Carrier, ContractOptions
from relay.config.settings import Settings
from relay.domain.fiscal import check_digit
from relay.domain.postal import wrong_postal_digit
from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode
from relay.registration.corrections import RegisteredShipment
from relay.registration.csv_import import label_fields
from relay.registration.registrar import CheckedLabel, Registrar
from relay.registration.requests import CorrectionRequest, HandoverRequest, LabelRequest
from relay.service.validation import parse_json
from tests.support.acme import Acme
from tests.support.clock import START

Settled = Callable[..., Settings]
NEEDED = {"orderId": "O-1", "invoiceNumber": "12345"}

UNLIKELY = [
    ("0", ProblemCode.PLACEHOLDER),
    ("000", ProblemCode.PLACEHOLDER),
    ("-", ProblemCode.PLACEHOLDER),
    ("...", ProblemCode.PLACEHOLDER),
    ("null", ProblemCode.PLACEHOLDER),
    ("None", ProblemCode.PLACEHOLDER),
    ("N/A", ProblemCode.PLACEHOLDER),
    ("s/n", ProblemCode.PLACEHOLDER),
    ("Não informado", ProblemCode.PLACEHOLDER),
    ("SEM_RASTREIO", ProblemCode.PLACEHOLDER),
    ("#N/D", ProblemCode.SPREADSHEET_VALUE),
    ("#REF!", ProblemCode.SPREADSHEET_VALUE),
    ("#NOME?", ProblemCode.SPREADSHEET_VALUE),
    ("#DIV/0!", ProblemCode.SPREADSHEET_VALUE),
    ("########", ProblemCode.SPREADSHEET_VALUE),
    ('="080"', ProblemCode.SPREADSHEET_VALUE),
    ("=A1", ProblemCode.SPREADSHEET_VALUE),
    ("'080", ProblemCode.SPREADSHEET_VALUE),
    ('"080"', ProblemCode.SPREADSHEET_VALUE),
    ("8001,00", ProblemCode.SPREADSHEET_VALUE),
    ("8001.0", ProblemCode.SPREADSHEET_VALUE),
    ("8,9E+12", ProblemCode.SPREADSHEET_VALUE),
    ("https://track.example/QQ1BR", ProblemCode.WEB_ADDRESS),
    ("www.track.example", ProblemCode.WEB_ADDRESS),
    ("QQ1BR,QQ2BR", ProblemCode.SEVERAL_VALUES),
    ("QQ1BR; QQ2BR", ProblemCode.SEVERAL_VALUES),
    ("QQ1BR|QQ2BR", ProblemCode.SEVERAL_VALUES),
]


def as_label(fields: dict[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    return LabelRequest, NEEDED | fields


def as_row(fields: dict[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    row = NEEDED | fields
    return LabelRequest, label_fields(tuple(row), tuple(row.values()))


def as_parcel(fields: dict[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    return LabelRequest, NEEDED | {"parcels": [fields]}


def as_correction(fields: dict[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    return CorrectionRequest, fields


def as_handover(fields: dict[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    return HandoverRequest, {"contract": "acme"} | fields


Way = Callable[[dict[str, Any]], tuple[type[BaseModel], dict[str, Any]]]


def refused(model: type[BaseModel], fields: dict[str, Any]) -> InvalidLabel:
    with pytest.raises(InvalidLabel) as caught:
        parse_json(to_json(fields), model)
    return caught.value


@pytest.mark.parametrize(("text", "code"), UNLIKELY)
@pytest.mark.parametrize(
    "way", [as_label, as_row, as_parcel, as_correction, as_handover]
)
def test_what_no_tracking_number_can_be_is_refused_by_every_way_in(
    way: Way, text: str, code: ProblemCode
) -> None:
    if way is as_row and text == "8,9E+12":
        return  # such a cell is refused before: see test_csv_import.py

    error = refused(*way({"trackingNumber": text}))

    assert error.field.rpartition(".")[2] == "trackingNumber"
    assert (error.code, bool(error.hint)) == (code, True)


@pytest.mark.parametrize(("text", "code"), UNLIKELY)
@pytest.mark.parametrize("field", ["orderId", "invoiceNumber"])
def test_what_no_order_or_invoice_can_be_is_refused(
    field: str, text: str, code: ProblemCode
) -> None:
    error = refused(*as_label({field: text}))

    assert (error.field, error.code, bool(error.hint)) == (field, code, True)


@pytest.mark.parametrize(
    "kind", ["volumeCode", "shipmentId", "trackingNumber", "orderId"]
)
def test_a_reference_is_checked_alike(kind: str) -> None:
    reference = {"type": kind, "value": "N/A"}

    error = refused(*as_label({"references": [reference]}))

    assert (error.field, error.code) == ("references[0].value", "placeholder")


@pytest.mark.parametrize(
    "text", ["..", ".", "a/b", "a\\b", "a?b", "a#b", "1%2F2", "%2e%2e"]
)
@pytest.mark.parametrize("field", ["orderId", "invoiceNumber"])
def test_what_changes_the_path_of_a_call_to_vtex_is_refused(
    field: str, text: str
) -> None:
    error = refused(*as_label({field: text}))

    assert error.field == field
    assert error.code in {ProblemCode.NOT_ADDRESSABLE, ProblemCode.PLACEHOLDER}


@pytest.mark.parametrize(
    "text",
    [
        "QQ123456785BR",
        "000012345",
        "NA123",
        "1.234.567",
        "0080",
        "ABC=1",
        "N-1",
        "1E10X",
    ],
)
def test_a_number_of_another_form_is_accepted(text: str) -> None:
    model, fields = as_label({"trackingNumber": text})

    assert parse_json(to_json(fields), model)


def test_the_hint_says_what_to_write_instead() -> None:
    assert refused(*as_label({"trackingNumber": '="080"'})).hint == "write 080 alone"
    assert refused(*as_label({"invoiceNumber": "8001,00"})).hint == "write 8001"
    several = refused(*as_label({"trackingNumber": "A1,A2"})).hint
    assert "`parcels`" in several
    assert "one row per `volume`" in several


def test_all_fields_at_fault_are_named_at_once() -> None:
    fields = {
        "orderId": "..",
        "invoiceNumber": "30715/1",
        "invoiceKey": "1",
        "trackingUrl": "x",
        "dispatchedDate": "27/11/2026",
        "estimatedDeliveryDate": "2026-02-30",
        "parcels": [{"trackingNumber": "0"}, {"trackingNumber": "-"}],
        "references": [{"type": "cteKey", "value": "1"}],
    }

    error = refused(LabelRequest, fields)

    assert {(e.field, str(e.code)) for e in error.each()} == {
        ("orderId", "placeholder"),
        ("invoiceNumber", "not_addressable"),
        ("invoiceKey", "invalid_key"),
        ("trackingUrl", "invalid_url"),
        ("dispatchedDate", "invalid_date"),
        ("estimatedDeliveryDate", "invalid_date"),
        ("parcels[0].trackingNumber", "placeholder"),
        ("parcels[1].trackingNumber", "placeholder"),
        ("references[0].value", "invalid_key"),
    }


def test_account_contract_and_parcels_at_fault_are_named_at_once(
    settings: Settled,
) -> None:
    body = NEEDED | {
        "contract": "nope",
        "trackingNumber": "A1",
        "volume": 3,
        "volumes": 2,
        "parcels": [{"trackingNumber": "A2"}],
        "references": [{"type": "volumeCode", "value": "V1"}],
    }
    request = parse_json(to_json(body), LabelRequest)

    with pytest.raises(InvalidLabel) as caught:
        registrar(settings, Acme).label(request, START)

    found = [(e.field, str(e.code)) for e in caught.value.each()]
    assert found == [
        ("volumes", "contradiction"),
        ("trackingNumber", "contradiction"),
        ("volume", "contradiction"),
        ("references", "contradiction"),
        ("contract", "not_configured"),
    ]


# Check digits


def registrar(settings: Settled, carrier: Callable[[], Carrier]) -> Registrar:
    made = settings()
    return Registrar(made, {name: carrier() for name in made.contracts})


def correios() -> Carrier:
    return Correios(ContractOptions("acme", ZoneInfo("UTC"), secrets=("s",)))


@pytest.mark.parametrize(
    ("number", "right"),
    [
        ("QQ123456789BR", "5"),
        ("qq123456789br", "5"),
        ("QQ123456785BR", None),
        ("RB123456785CN", None),
        ("AA000000005BR", None),
        ("AA000000006BR", "5"),
        ("AA000000080BR", None),
        ("BR123456789", None),
    ],
)
def test_the_check_digit_of_a_postal_number(number: str, right: str | None) -> None:
    assert wrong_postal_digit(number) == right


def known(number: str = "A1") -> RegisteredShipment:
    return RegisteredShipment(
        "store", "acme", "12345", {1: number}, tracking_number=number
    )


def label_with(made: Registrar, number: str) -> CheckedLabel[Any]:
    request = parse_json(to_json(NEEDED | {"trackingNumber": number}), LabelRequest)
    return made.label(request, START)


def correction_with(made: Registrar, number: str) -> CheckedLabel[Any]:
    request = parse_json(to_json({"trackingNumber": number}), CorrectionRequest)
    return made.correction(request, known(), START)


def handover_with(made: Registrar, number: str) -> CheckedLabel[Any]:
    body = {"contract": "acme", "trackingNumber": number}
    return made.handover(parse_json(to_json(body), HandoverRequest), known())


WITH = pytest.mark.parametrize("way", [label_with, correction_with, handover_with])
With = Callable[[Registrar, str], CheckedLabel[Any]]


@WITH
def test_a_wrong_digit_is_refused_where_the_adapter_knows_the_form(
    settings: Settled, way: With
) -> None:
    made = registrar(settings, correios)

    with pytest.raises(InvalidLabel, match="its check digit would be 5") as caught:
        way(made, "QQ123456789BR")

    assert (caught.value.field, caught.value.code) == (
        "trackingNumber",
        "wrong_check_digit",
    )
    assert way(made, "QQ123456785BR").warnings == ()
    assert way(made, "LP00123456789").warnings == ()


WRONG_KEY = "35260311222333000181570010000000771000000010"


@WITH
@pytest.mark.parametrize("number", ["QQ123456789BR", WRONG_KEY])
def test_a_wrong_digit_is_warned_of_where_it_does_not(
    settings: Settled, way: With, number: str
) -> None:
    (warning,) = way(registrar(settings, Acme), number).warnings

    assert (warning.field, warning.code) == ("trackingNumber", "check_digit_doubtful")
    assert way(registrar(settings, Acme), "QQ123456785BR").warnings == ()


def test_every_parcel_with_a_wrong_digit_is_named(settings: Settled) -> None:
    parcels = [{"trackingNumber": n} for n in ("QQ123456789BR", "QQ123456780BR")]
    request = parse_json(to_json(NEEDED | {"parcels": parcels}), LabelRequest)

    with pytest.raises(InvalidLabel) as caught:
        registrar(settings, correios).label(request, START)

    assert [e.field for e in caught.value.each()] == [
        "parcels[0].trackingNumber",
        "parcels[1].trackingNumber",
    ]


def keyed(model: str, number: str = "000000077") -> str:
    head = f"35260311222333000181{model}001{number}100000001"
    return head + check_digit(head)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "0" * 44,
        keyed("55"),
        "x" * 44,
        WRONG_KEY,
    ],
)
def test_what_is_not_the_key_of_a_cte_is_refused(text: str) -> None:
    error = refused(*as_label({"references": [{"type": "cteKey", "value": text}]}))

    assert (error.field, error.code) == ("references[0].value", "invalid_key")


@pytest.mark.parametrize("model", ["57", "67"])
def test_the_key_of_a_cte_is_stored_without_blanks(
    settings: Settled, model: str
) -> None:
    key = keyed(model)
    spaced = f"CTe {key[:20]} {key[20:]}"
    body = NEEDED | {"references": [{"type": "cteKey", "value": spaced}]}
    request = parse_json(to_json(body), LabelRequest)

    label = registrar(settings, Acme).label(request, START).value

    assert [r.value for r in label.invoice_references] == [key]
