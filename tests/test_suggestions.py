"""A misspelt name gets the closest known one as a suggestion."""

import pytest

from relay.suggestions import suggest, suggestion

LABEL = (
    "account contract carrierTaxId orderId invoiceNumber invoiceKey trackingNumber "
    "volume volumes parcels references trackingUrl courier dispatchedDate "
    "estimatedDeliveryDate trackingSent imported"
)
KNOWN = tuple(LABEL.split())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("orderID", "orderId"),
        ("order_id", "orderId"),
        ("Order-Id", "orderId"),
        ("order", "orderId"),
        ("traking", "trackingNumber"),
        ("tracking", "trackingNumber"),
        ("trackinUrl", "trackingUrl"),
        ("trackingUr", "trackingUrl"),
        ("invoice", "invoiceNumber"),
        ("invoiceKee", "invoiceKey"),
        ("vol", "volume"),
        ("refs", "references"),
        ("dispatchDate", "dispatchedDate"),
        ("deliveryDate", "estimatedDeliveryDate"),
    ],
)
def test_a_name_that_is_nearly_right_is_recognised(name: str, meant: str) -> None:
    assert suggest(name, KNOWN) == meant


@pytest.mark.parametrize("name", ["", "x", "id", "key", "weight", "cnpj", "a" * 10_000])
def test_a_name_without_a_similar_one_gets_no_suggestion(name: str) -> None:
    assert not suggest(name, KNOWN)


def test_the_cutoff_says_how_similar_a_name_must_be() -> None:
    zones = ["America/Mexico_City"]
    assert suggest("Mexico/City", zones, cutoff=0.6) == zones[0]
    assert not suggest("Mexico/City", zones, cutoff=0.8)


def test_a_hint_suggests_one_name_or_lists_the_known_ones() -> None:
    assert suggestion("zon", ["user"], ["zone"]) == "did you mean `zone`?"
    assert suggestion("colour", ["user", "code"], ["zone"]) == "known here: user, code"
    assert suggestion("colour", []) == "known here: none"
