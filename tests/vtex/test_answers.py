"""What each answer means, and the hint for the operator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.vtex.answers import Meaning, hint_for, meaning

ERROR = {"error": {"code": "1", "message": "?", "exception": None}}
RECEIPT = {"date": "2026-08-01", "orderId": "00-v1-01", "receipt": "r-1"}
ROUTE = {"type": "https://tools.ietf.org/html/rfc7231", "title": "Not Found"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, Meaning.MISCONFIGURED),
        (302, Meaning.MISCONFIGURED),
        (308, Meaning.MISCONFIGURED),
        (400, Meaning.REFUSED),
        (401, Meaning.FORBIDDEN),
        (403, Meaning.FORBIDDEN),
        (405, Meaning.REFUSED),
        (408, Meaning.UNAVAILABLE),
        (409, Meaning.UNAVAILABLE),
        (410, Meaning.REFUSED),
        (415, Meaning.REFUSED),
        (418, Meaning.REFUSED),
        (422, Meaning.REFUSED),
        (425, Meaning.UNAVAILABLE),
        (429, Meaning.BUSY),
        (499, Meaning.REFUSED),
        (500, Meaning.UNAVAILABLE),
        (502, Meaning.UNAVAILABLE),
        (503, Meaning.BUSY),
        (504, Meaning.UNAVAILABLE),
        (520, Meaning.UNAVAILABLE),
        (599, Meaning.UNAVAILABLE),
        (199, Meaning.UNAVAILABLE),
        (600, Meaning.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("payload", [None, ERROR, ROUTE, RECEIPT])
def test_a_failure_has_one_meaning_whatever_the_body(
    status: int, payload: object, expected: Meaning
) -> None:
    assert meaning(status, "", payload, "receipt") is expected
    assert meaning(status, "", payload, "order") is expected


@pytest.mark.parametrize("status", [200, 201, 204])
@pytest.mark.parametrize(
    ("payload", "write", "read"),
    [
        (RECEIPT, True, True),
        ({"receipt": "r"}, True, False),
        ({"orderId": "00-v1-01"}, True, True),
        ({"orderId": "v1-01", "status": "invoiced"}, True, True),
        (None, False, False),  # no body, or a page
        ({}, False, False),
        ([], False, False),
        ("OK", False, False),
        (True, False, False),
        ({"status": "ok"}, False, False),
        ({"receipt": "", "orderId": " "}, False, False),
        ({"receipt": 7, "orderId": None}, False, False),
        ([RECEIPT], False, False),
        (ERROR | RECEIPT, False, False),
        ({"errors": {}} | RECEIPT, False, False),
    ],
)
def test_a_success_counts_by_its_documented_shape(
    status: int, payload: object, write: bool, read: bool
) -> None:
    def of(accepted: bool) -> Meaning:
        return Meaning.ACCEPTED if accepted else Meaning.UNAVAILABLE

    assert meaning(status, "", payload, "receipt") is of(write)
    assert meaning(status, "", payload, "order") is of(read)


@pytest.mark.parametrize(
    ("words", "payload", "expected"),
    [
        ("Order Not Found (OMS007)", ERROR, Meaning.NOT_YET),
        ("Pedido não encontrado", ERROR, Meaning.NOT_YET),
        ("Invoice Not Found", None, Meaning.NOT_YET),
        ("Invoice Not Found", "Invoice Not Found", Meaning.NOT_YET),
        ("invoice not found", {"message": "invoice not found"}, Meaning.NOT_YET),
        ("", None, Meaning.NOT_YET),
        ("Not Found", ROUTE, Meaning.REFUSED),
        ("404 Not Found nginx", None, Meaning.REFUSED),
        ("Not Found", {"message": "Not Found"}, Meaning.REFUSED),
        ("Reorder not found", None, Meaning.REFUSED),
    ],
)
def test_a_404_is_not_yet_unless_it_is_about_the_route(
    words: str, payload: object, expected: Meaning
) -> None:
    assert meaning(404, words, payload, "receipt") is expected


GONE = {"error": {"code": "OMS008", "message": "Invoice is invalid"}}
BROKEN = {"error": {"code": "OMS001", "message": "Unexpected error"}}
CLOSED = (
    "Unable to set invoice when status is cancel, canceled or cancellation_requested"
)


@pytest.mark.parametrize(
    ("status", "words", "payload", "expected"),
    [
        (400, "Invoice is invalid (OMS008)", GONE, Meaning.NOT_YET),
        (400, "", {"error": {"code": "OMS008"}}, Meaning.NOT_YET),
        (400, "", {"code": "OMS008"}, Meaning.NOT_YET),
        (400, "OMS008", None, Meaning.NOT_YET),
        (400, "The field courier is odd (OMS0081)", None, Meaning.REFUSED),
        (404, "NotFound", {"code": "NotFound", "message": "NotFound"}, Meaning.NOT_YET),
        (404, "NotFound", "NotFound", Meaning.NOT_YET),
        (500, "Unexpected error (OMS001)", BROKEN, Meaning.NOT_YET),
        (500, "An error has occurred (1)", ERROR, Meaning.UNAVAILABLE),
        (502, "OMS001", None, Meaning.UNAVAILABLE),
        (422, "OMS008", None, Meaning.REFUSED),
        (400, CLOSED, {"message": CLOSED}, Meaning.ORDER_CLOSED),
        (409, CLOSED, None, Meaning.UNAVAILABLE),
    ],
)
def test_a_write_of_an_invoice_that_is_gone_is_no_refused_value(
    status: int, words: str, payload: object, expected: Meaning
) -> None:
    assert meaning(status, words, payload, "receipt") is expected


def test_a_read_has_no_answers_about_an_invoice() -> None:
    assert meaning(400, "OMS008", None, "order") is Meaning.REFUSED
    assert meaning(500, "OMS001", BROKEN, "order") is Meaning.UNAVAILABLE
    assert meaning(400, CLOSED, None, "order") is Meaning.REFUSED


@pytest.mark.parametrize(
    ("status", "words", "number", "names"),
    [
        (401, "Unauthorized access (1)", "1", "app_key, app_token"),
        (401, "Unauthorized access (1)", "1", "Notify invoice"),
        (403, "", "1", "View order"),
        (404, "Order Not Found (OMS007)", "1", "order id"),
        (404, "Invoice Not Found", "1", "ERP must invoice"),
        (400, "Invoice is invalid (OMS008)", "1", "ERP exchanged"),
        (500, "Unexpected error (OMS001)", "1", "ERP exchanged"),
        (400, CLOSED, "1", "order is cancelled"),
        (429, "", "1", "limits the requests"),
        (503, "", "1 2", "limits the requests"),
        (302, "", "1", "base_url"),
        (500, "An error has occurred", "1 2", "409225"),
        (500, "An error has occurred", "12\t", "409225"),
        (404, "Not Found", "1/2", "1302085"),
        (500, "", "1\\2", "1302085"),
        (500, "", "nº1", "953285"),
        (400, "", "a#1", "953285"),
        (500, "", "NFe-00_1.a", "status.vtex.com"),
        (404, "Not Found", "12", "base_url"),
        (405, "", "12", "base_url"),
        (415, "", "12", "base_url"),
        (422, "", "12", "VTEX refuses a value"),
        (200, "We will be back soon", "1 2", "not VTEX's"),
        (204, "", "12", "reads the order"),
    ],
)
def test_an_operator_gets_a_hint(
    status: int, words: str, number: str, names: str
) -> None:
    payload = ERROR if words.endswith("(OMS007)") else None
    what = meaning(status, words, payload, "receipt")
    assert names in hint_for(what, status, words, number)


def test_what_was_accepted_needs_no_hint() -> None:
    assert hint_for(Meaning.ACCEPTED, 200, "", "1 2") == ""


@given(
    st.integers(-1, 10_000),
    st.text(),
    st.none() | st.dictionaries(st.text(), st.text()),
)
def test_every_answer_has_a_meaning_and_all_but_success_a_hint(
    status: int, words: str, payload: object
) -> None:
    what = meaning(status, words, payload, "receipt")
    assert bool(hint_for(what, status, words, "123")) is (what is not Meaning.ACCEPTED)
