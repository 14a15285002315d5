"""From an ERP's request to a label, with problems and warnings."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.domain.fiscal import check_digit
from relay.domain.labels import Label, LabelParcel
from relay.errors import InvalidLabel
from relay.problem_codes import WarningCode
from relay.registration.corrections import RegisteredShipment
from relay.registration.registrar import CheckedLabel, Registrar
from relay.registration.requests import CorrectionRequest, LabelRequest
from relay.service.validation import parse_json
from tests.conftest import ACCOUNT
from tests.support.acme import Acme
from tests.support.clock import START

Settled = Callable[..., Settings]
TAX_ID = "11.222.333/0001-81"
CNPJ = "11222333000181"


def _key(number: str, model: str = "55") -> str:
    head = f"352603{CNPJ}{model}001{number:0>9}100000001"
    return head + check_digit(head)


KEY = _key("12345")
CTE = _key("77", model="57")


def registrar(settings: Settings) -> Registrar:
    return Registrar(settings, {name: Acme() for name in settings.contracts})


def request(**fields: Any) -> LabelRequest:
    body = {"orderId": "O-1", "invoiceNumber": "12345"} | fields
    return parse_json(json.dumps(body).encode(), LabelRequest)


@pytest.fixture
def one(settings: Settled) -> Callable[..., CheckedLabel[Label]]:
    """Register with one account and one contract, whose keys may be given."""

    def register(
        contract: dict[str, Any] | None = None, **fields: Any
    ) -> CheckedLabel[Label]:
        made = registrar(settings({"acme": contract or {}}))
        return made.label(request(**fields), START)

    return register


One = Callable[..., CheckedLabel[Label]]


def refused(register: Callable[[], object]) -> InvalidLabel:
    with pytest.raises(InvalidLabel) as found:
        register()
    assert found.value.hint
    return found.value


# Account and contract


def test_the_only_account_and_the_only_contract_need_no_name(one: One) -> None:
    label = one().value

    assert (label.account, label.contract) == ("store", "acme")


STORES = {"accounts": {"store": ACCOUNT, "outlet": ACCOUNT}}
SERVING = {
    "acme": {"account": "store", "accounts": ["store", "outlet"]},
    "zeta": {
        "account": "outlet",
        "tax_ids": [TAX_ID],
        "courier_names": ["Zeta Cargo"],
        "courier": "Zeta",
    },
}


@pytest.fixture
def several(settings: Settled) -> Callable[..., Label]:
    """Register with two accounts, one contract of both and one of the outlet."""
    made = registrar(settings(SERVING, **STORES))

    def register(**fields: Any) -> Label:
        return made.label(request(**fields), START).value

    return register


Several = Callable[..., Label]


@pytest.mark.parametrize(
    ("fields", "account", "contract"),
    [
        ({"account": "store"}, "store", "acme"),
        ({"contract": "zeta"}, "outlet", "zeta"),
        ({"account": "outlet", "contract": "acme"}, "outlet", "acme"),
        ({"account": "outlet", "carrierTaxId": TAX_ID}, "outlet", "zeta"),
        ({"account": "outlet", "carrierTaxId": CNPJ}, "outlet", "zeta"),
        ({"account": "outlet", "courier": "zeta  CARGO"}, "outlet", "zeta"),
        ({"account": "outlet", "courier": "Zeta"}, "outlet", "zeta"),
        ({"account": "store", "courier": "Whoever"}, "store", "acme"),
    ],
)
def test_the_contract_is_found_by_name_tax_id_or_courier(
    several: Several, fields: dict[str, str], account: str, contract: str
) -> None:
    label = several(**fields)

    assert (label.account, label.contract) == (account, contract)


@pytest.mark.parametrize(
    ("fields", "field", "hint"),
    [
        ({}, "account", "configured: outlet, store"),
        ({"account": "shop"}, "account", "configured: outlet, store"),
        ({"contract": "beta"}, "account", "configured: outlet, store"),
        (
            {"account": "store", "contract": "zeta"},
            "contract",
            "configured: acme",
        ),
        ({"account": "outlet"}, "contract", "configured: acme, zeta"),
        (
            {"account": "outlet", "courier": "Whoever"},
            "courier",
            "configured: Zeta, Zeta Cargo; add the name to `courier_names` of",
        ),
        (
            {"account": "outlet", "carrierTaxId": "12ABC34501DE35"},
            "carrierTaxId",
            f"configured: {CNPJ} (zeta)",
        ),
        (
            {"account": "store", "carrierTaxId": CNPJ},
            "carrierTaxId",
            "none is configured",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_are_configured(
    several: Several, fields: dict[str, str], field: str, hint: str
) -> None:
    error = refused(lambda: several(**fields))

    assert error.field == field
    assert error.hint.startswith(hint)


def several_of(
    settings: Settled, contracts: dict[str, dict[str, Any]], **names: str
) -> Callable[..., CheckedLabel[Label]]:
    """Register with several contracts, whose adapters have names of their own."""
    carriers = {n: Acme(display_name=names.get(n, "Acme")) for n in contracts}
    made = Registrar(settings(contracts), carriers)
    return lambda **fields: made.label(request(**fields), START)


def test_an_adapters_own_name_finds_the_only_contract_that_uses_it(
    settings: Settled,
) -> None:
    contracts = {"a": {}, "b": {}, "c": {"courier": "Swift Cargo"}}
    register = several_of(settings, contracts, c="Swift")

    assert register(courier="SWIFT").value.contract == "c"
    error = refused(lambda: register(courier="Acme"))
    assert error.field == "courier"
    assert error.hint.startswith("configured: Swift Cargo; ")


def test_names_of_a_contract_come_before_an_adapters(settings: Settled) -> None:
    contracts = {"a": {"courier_names": ["Swift"]}, "c": {}}
    register = several_of(settings, contracts, c="Swift")

    assert register(courier="Swift").value.contract == "a"


def test_without_any_names_of_couriers_the_contracts_are_listed(
    settings: Settled,
) -> None:
    register = several_of(settings, {"a": {}, "b": {}})

    error = refused(lambda: register(courier="Swift"))

    assert error.hint == (
        "add the name to `courier_names` of its contract, or send `contract`: a, b"
    )


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        ({"carrierTaxId": TAX_ID}, "carrierTaxId: belongs to contract 'zeta'"),
        ({"courier": "Zeta"}, "courier: belongs to contract 'zeta'"),
        ({"courier": "Nobody"}, None),
        ({"carrierTaxId": "123"}, "carrierTaxId: a CNPJ has 14 characters, not 3"),
    ],
)
def test_what_belongs_to_another_contract_is_warned_of(
    settings: Settled, fields: dict[str, str], warned: str | None
) -> None:
    made = registrar(settings(SERVING, **STORES))

    checked = made.label(request(account="outlet", contract="acme", **fields), START)

    assert checked.value.contract == "acme"
    assert len(checked.warnings) == (warned is not None)
    assert warned is None or warned in checked.warnings[0]
    assert warned is None or "14" in warned or "'acme'" in checked.warnings[0]


def test_what_belongs_to_the_contract_of_the_label_is_no_contradiction(
    settings: Settled,
) -> None:
    made = registrar(settings(SERVING, **STORES))
    fields = {"account": "outlet", "contract": "zeta", "courier": "Zeta"}

    checked = made.label(request(**fields, carrierTaxId=TAX_ID), START)

    assert checked.warnings == ()


def test_a_tax_id_with_a_wrong_check_digit_says_so(several: Several) -> None:
    error = refused(
        lambda: several(account="outlet", carrierTaxId="11.222.333/0001-82")
    )

    assert error.field == "carrierTaxId"
    assert str(error) == "the CNPJ's check digits are wrong"


def test_accounts_that_a_token_does_not_see_do_not_exist(settings: Settled) -> None:
    made = registrar(settings(SERVING, **STORES))

    label = made.label(request(), START, ["store"]).value
    error = refused(lambda: made.label(request(account="outlet"), START, ["store"]))
    other = refused(lambda: made.label(request(contract="zeta"), START, ["store"]))

    assert label.account == "store"
    assert error.hint == "configured: store"
    assert other.hint == "configured: acme"


# Invoice number and order id


@pytest.mark.parametrize(
    "number",
    ["1/2", "1\\2", " 12", "12 ", "1\u00002", "1\t2", "1\u200b2", "1\u2028"],
)
@pytest.mark.parametrize("field", ["invoiceNumber", "orderId"])
def test_what_vtex_cannot_address_is_refused(one: One, field: str, number: str) -> None:
    assert refused(lambda: one(**{field: number})).field == field


def test_an_order_id_of_more_than_100_characters_is_refused(one: One) -> None:
    one(orderId="O" * 100)

    assert refused(lambda: one(orderId="O" * 101)).field == "orderId"


@pytest.mark.parametrize(
    ("number", "warned"),
    [
        ("000012345", None),
        ("NFe-00012345", None),
        ("1 2", "answers 500"),
        ("1&2", "may not move the order to invoiced"),
        ("12ç", "may not move the order to invoiced"),
    ],
)
def test_an_invoice_number_that_makes_trouble_is_warned_of(
    one: One, number: str, warned: str | None
) -> None:
    warnings = one(invoiceNumber=number).warnings

    assert len(warnings) == (warned is not None)
    assert warned is None or warned in warnings[0]


# Key and references


def refs(*pairs: tuple[str, str]) -> tuple[Reference, ...]:
    return tuple(Reference(kind=ReferenceKind(k), value=v) for k, v in pairs)


KEY_REFS = refs(("invoice_key", KEY), ("invoice", f"{CNPJ}/1/12345"))


def test_a_key_brings_the_references_of_its_invoice(one: One) -> None:
    spaced = " ".join(KEY[i : i + 4] for i in range(0, 44, 4))
    checked = one(invoiceKey=spaced)

    assert checked.value.invoice_key == KEY
    assert checked.value.invoice_references == KEY_REFS
    assert checked.warnings == ()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("123", "44 characters, not 3"),
        (KEY[:-1] + str((int(KEY[-1]) + 1) % 10), "check digit is wrong"),
        (CTE, "model 57"),
    ],
)
def test_a_wrong_key_says_what_is_wrong(one: One, key: str, words: str) -> None:
    error = refused(lambda: one(invoiceKey=key))

    assert error.field == "invoiceKey"
    assert words in str(error)


@pytest.mark.parametrize(
    ("number", "warned"),
    [("12345", False), ("NFe-00012345-1", False), (KEY, False), ("12346", True)],
)
def test_a_key_of_another_invoice_number_is_warned_of(
    one: One, number: str, *, warned: bool
) -> None:
    warnings = one(invoiceKey=KEY, invoiceNumber=number).warnings

    assert bool(warnings) is warned
    assert not warned or "belongs to invoice 12345" in warnings[0]


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("shipmentId", "S-1", refs(("shipment_id", "S-1"))),
        ("volume_code", "V1", refs(("volume_code", "V1"))),
        ("trackingNumber", "BR9", refs(("tracking_number", "BR9"))),
    ],
)
def test_references_of_a_parcel_go_with_it(
    one: One, kind: str, given: str, stored: tuple[Reference, ...]
) -> None:
    label = one(references=[{"type": kind, "value": given}]).value

    assert label.parcels == (LabelParcel(references=stored),)
    assert label.invoice_references == ()


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("cteKey", CTE[:22] + " " + CTE[22:], refs(("cte_key", CTE))),
        ("invoiceKey", KEY, KEY_REFS),
        ("invoice", f"{TAX_ID}/001/0012345", refs(("invoice", f"{CNPJ}/1/12345"))),
        ("orderId", "MKT 1", refs(("order_id", "MKT 1"))),
    ],
)
def test_references_of_an_invoice_or_order_are_of_the_whole(
    one: One, kind: str, given: str, stored: tuple[Reference, ...]
) -> None:
    given_refs = [{"type": kind, "value": given}]

    single = one(references=given_refs).value
    shared = one(parcels=[{"trackingNumber": "A"}], references=given_refs).value
    inside = one(parcels=[{"references": given_refs}], invoiceKey=KEY).value

    assert single.invoice_references == shared.invoice_references == stored
    assert inside.invoice_references == tuple(dict.fromkeys((*KEY_REFS, *stored)))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"trackingNumber": "BR 1"}, "trackingNumber"),
        ({"trackingNumber": "BR1\n"}, "trackingNumber"),
        ({"trackingNumber": "BR\u20601"}, "trackingNumber"),
        ({"parcels": [{}, {"trackingNumber": " 1"}]}, "parcels[1].trackingNumber"),
        ({"parcels": [{}], "trackingNumber": "A"}, "trackingNumber"),
        ({"parcels": [{}], "volume": 1}, "volume"),
        (
            {"parcels": [{}], "references": [{"type": "shipmentId", "value": "S"}]},
            "references",
        ),
        (
            {"references": [{"type": "shipmentId", "value": "a b"}]},
            "references[0].value",
        ),
        ({"references": [{"type": "cteKey", "value": "1"}]}, "references[0].value"),
        (
            {"references": [{"type": "cteKey", "value": "1" * 44}]},
            "references[0].value",
        ),
        ({"references": [{"type": "invoice", "value": "1"}]}, "references[0].value"),
        (
            {"references": [{"type": "invoice", "value": "1//2"}]},
            "references[0].value",
        ),
        (
            {"parcels": [{"references": [{"type": "invoiceKey", "value": "1"}]}]},
            "parcels[0].references[0].value",
        ),
    ],
)
def test_a_number_or_reference_that_cannot_be_right_is_refused(
    one: One, fields: dict[str, Any], field: str
) -> None:
    assert refused(lambda: one(**fields)).field == field


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"volumes": 2, "volume": 3}, "is 2, but the label has a volume 3"),
        ({"volumes": 1, "parcels": [{}, {}]}, "is 1, but the label has a parcel 2"),
        (
            {"volumes": 2, "parcels": [{"volume": 1}, {"volume": 3}]},
            "is 2, but the label has a volume 3",
        ),
    ],
)
def test_a_label_with_more_volumes_than_it_says_is_refused(
    one: One, fields: dict[str, Any], words: str
) -> None:
    error = refused(lambda: one(**fields))

    assert (error.field, str(error)) == ("volumes", words)
    assert error.hint == "remove `volumes`, or correct it"


def volume_codes(count: int) -> list[dict[str, str]]:
    return [{"type": "volumeCode", "value": f"V{n}"} for n in range(count)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"references": volume_codes(101)}, "references"),
        ({"parcels": [{"references": volume_codes(101)}]}, "parcels[0].references"),
    ],
)
def test_a_parcel_with_hundreds_of_references_is_refused(
    one: One, fields: dict[str, Any], field: str
) -> None:
    assert one(references=volume_codes(100)).value.parcels[0].volume is None
    error = refused(lambda: one(**fields))
    assert (error.field, str(error)) == (field, "more than 100 entries")
    assert error.hint == "use at most 100"


def test_a_label_with_thousands_of_references_is_refused(one: One) -> None:
    parcels = [{"references": volume_codes(100)} for _ in range(20)]
    assert len(one(parcels=parcels).value.parcels) == 20
    error = refused(lambda: one(parcels=[*parcels, {"references": volume_codes(1)}]))
    assert (error.field, str(error)) == (
        "parcels",
        "2,001 references in all; at most 2,000",
    )


def test_several_parcels_keep_their_order_and_volumes(one: One) -> None:
    label = one(
        volumes=3,
        parcels=[{"trackingNumber": "A"}, {"trackingNumber": "B", "volume": 3}],
    ).value

    assert label.parcels == (LabelParcel("A"), LabelParcel("B", 3))
    assert label.volumes == 3


# Dates


@pytest.mark.parametrize(
    ("given", "moment", "published"),
    [
        ("2026-02-01", datetime(2026, 2, 1, 3, tzinfo=UTC), "2026-02-01"),
        (
            "2026-02-01T10:00",
            datetime(2026, 2, 1, 13, tzinfo=UTC),
            "2026-02-01T10:00:00-03:00",
        ),
        (
            "2026-02-01T10:00:05.1234567Z",
            datetime(2026, 2, 1, 10, 0, 5, 123456, tzinfo=UTC),
            "2026-02-01T10:00:05+00:00",
        ),
        (
            "2026-02-01T10:00:05-0500",
            datetime(2026, 2, 1, 15, 0, 5, tzinfo=UTC),
            "2026-02-01T10:00:05-05:00",
        ),
    ],
)
def test_a_dispatch_date_is_read_in_the_zone_of_the_account(
    one: One, given: str, moment: datetime, published: str
) -> None:
    checked = one(dispatchedDate=given)

    assert checked.value.dispatched_at == moment
    assert checked.value.dispatched_date == published
    assert checked.warnings == ()


def test_a_dispatch_date_in_the_future_is_warned_of(one: One) -> None:
    warnings = one(dispatchedDate="2026-03-03").warnings

    assert warnings[0].startswith("dispatchedDate: in the future")


@pytest.mark.parametrize(
    "given",
    ["01/02/2026", "2026-02-30", "2026-02-01T25:00", "20260201", "1999-01-01",
     "2026-02-01 10:00", "2026-W05", "\u0662026-02-01"],
)  # fmt: skip
def test_another_spelling_of_a_dispatch_date_is_refused(one: One, given: str) -> None:
    assert refused(lambda: one(dispatchedDate=given)).field == "dispatchedDate"


@pytest.mark.parametrize("given", ["2000-01-01", "2000-01-01T00:00:00", "2099-12-31"])
def test_a_placeholder_is_not_a_dispatch_date(one: One, given: str) -> None:
    """It would make a delivery from before the label plausible."""
    error = refused(lambda: one(dispatchedDate=given))
    assert error.field == "dispatchedDate"
    assert "out of range" in str(error)


def test_the_promised_day_is_a_day(one: One) -> None:
    assert one(estimatedDeliveryDate="2026-03-09").value.promised_on == "2026-03-09"
    for given in ("2026-03-09T10:00", "09/03/2026", "2026-13-01"):
        error = refused(partial(one, estimatedDeliveryDate=given))
        assert error.field == "estimatedDeliveryDate"


# What VTEX is told


@pytest.mark.parametrize(
    ("way", "fields", "send_tracking"),
    [
        ("given", {"trackingNumber": "BR1"}, "BR1"),
        ("given", {}, None),
        ("given", {"parcels": [{}, {"trackingNumber": "B"}]}, "B"),
        ("nfe_key", {"trackingNumber": "BR1", "invoiceKey": KEY}, KEY),
        ("nfe_key", {"trackingNumber": "BR1"}, None),
        ("invoice_number", {"trackingNumber": "BR1"}, "12345"),
        ("from_carrier", {}, None),
        ("from_carrier", {"trackingNumber": "BR1"}, "BR1"),
    ],
)
def test_the_number_that_vtex_is_told_is_the_contracts_choice(
    one: One, way: str, fields: dict[str, Any], send_tracking: str | None
) -> None:
    checked = one({"tracking_number": way}, **fields)

    assert checked.value.send_tracking == send_tracking
    missing = way == "nfe_key" and send_tracking is None
    assert any("invoiceKey: missing" in w for w in checked.warnings) is missing


TEMPLATE = "https://acme.example/?n={tracking_number}"
BY_KEY = "https://acme.example/?k={invoice_key}"


@pytest.mark.parametrize(
    ("contract", "fields", "url"),
    [
        ({}, {"trackingNumber": "BR1"}, "https://acme.example/BR1"),
        ({}, {}, None),
        (
            {"tracking_url": TEMPLATE},
            {"trackingNumber": "B&1"},
            TEMPLATE[:-17] + "B%261",
        ),
        ({"tracking_url": BY_KEY}, {"trackingNumber": "BR1"}, None),
        (
            {"tracking_url": BY_KEY, "tracking_number": "nfe_key"},
            {"invoiceKey": KEY},
            BY_KEY.replace("{invoice_key}", KEY),
        ),
        (
            {"tracking_url": TEMPLATE},
            {"trackingNumber": "BR1", "trackingUrl": "https://other.example/x"},
            "https://other.example/x",
        ),
    ],
)
def test_the_page_is_the_given_one_else_the_contracts_else_the_adapters(
    one: One, contract: dict[str, Any], fields: dict[str, Any], url: str | None
) -> None:
    assert one(contract, **fields).value.tracking_url == url


@pytest.mark.parametrize("given", ["acme.example", "ftp://x", "https://a b", "http://"])
def test_a_page_that_nobody_can_open_is_refused(one: One, given: str) -> None:
    assert refused(lambda: one(trackingUrl=given)).field == "trackingUrl"


@pytest.mark.parametrize(
    ("contract", "fields", "courier"),
    [
        ({}, {}, "Acme Express"),
        ({"courier": "Acme Ltda"}, {}, "Acme Ltda"),
        ({"courier": "Acme Ltda"}, {"courier": "ACME"}, "ACME"),
    ],
)
def test_the_courier_is_the_given_one_else_the_contracts_else_the_adapters(
    one: One, contract: dict[str, Any], fields: dict[str, Any], courier: str
) -> None:
    assert one(contract, **fields).value.courier == courier


def test_the_label_knows_what_the_erp_gave_itself(one: One) -> None:
    label = one(courier="ACME", invoiceKey=KEY, trackingSent=True).value

    assert label.given == {"courier", "invoice_key"}
    assert label.tracking_sent


# The request


def test_empty_texts_count_as_missing_where_a_field_may_be_missing(one: One) -> None:
    label = one(trackingNumber="", trackingUrl="", courier="", invoiceKey="").value

    assert label.send_tracking is None
    assert label.courier == "Acme Express"


@pytest.mark.parametrize(
    "fields",
    [
        {"orderId": ""},
        {"orderId": 12},
        {"invoiceNumber": 12345},
        {"volume": 0},
        {"volume": 1000},
        {"volume": "1"},
        {"trackingSent": "yes"},
        {"trackingnumber": "A"},
        {"references": [{"type": "awb", "value": "1"}]},
        {"references": [{"type": 1, "value": "1"}]},
        {"trackingNumber": "A" * 201},
    ],
)
def test_wrong_types_and_unknown_fields_are_refused(fields: dict[str, Any]) -> None:
    refused(lambda: request(**fields))


# The tracking page


class Pageless(Acme):
    def tracking_url(self, parcel: ParcelView) -> str | None:
        del parcel


@pytest.mark.parametrize(
    ("contract", "fields", "warned"),
    [
        ({}, {"trackingNumber": "AC1"}, True),
        ({}, {"trackingNumber": "AC1", "trackingUrl": "https://acme.example/1"}, False),
        ({}, {"trackingNumber": "AC1", "trackingSent": True}, False),
        ({}, {}, False),  # not sent yet
        (
            {"tracking_url": "https://acme.example/{tracking_number}"},
            {"trackingNumber": "AC1"},
            False,
        ),
        (
            {"tracking_url": "https://acme.example/{invoice_key}"},
            {"trackingNumber": "AC1"},
            True,
        ),
    ],
)
def test_a_number_without_a_tracking_page_is_warned_of(
    settings: Settled, contract: dict[str, str], fields: dict[str, Any], warned: bool
) -> None:
    made = Registrar(settings({"acme": contract}), {"acme": Pageless()})
    found = made.label(request(**fields), START).warnings
    codes = [w.field for w in found if w.code is WarningCode.TRACKING_URL_MISSING]
    assert codes == ["trackingUrl"] * warned


def test_a_corrected_number_without_a_tracking_page_is_warned_of(
    settings: Settled,
) -> None:
    made = Registrar(settings({"acme": {}}), {"acme": Pageless()})
    known = RegisteredShipment("store", "acme", "1", {1: "AC1"}, tracking_number="AC1")
    for number, warned in (("AC2", True), ("AC1", False)):
        change = CorrectionRequest.model_validate({"trackingNumber": number})
        found = made.correction(change, known, START).warnings
        assert ("tracking_url_missing" in [w.code for w in found]) is warned
