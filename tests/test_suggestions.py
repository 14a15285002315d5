"""Which known name somebody meant who wrote another one."""

import pytest

from relay.suggestions import closest

LABEL = (
    "account contract carrierTaxId orderId invoiceNumber invoiceKey trackingNumber "
    "volume volumes parcels references trackingUrl courier dispatchedDate "
    "estimatedDeliveryDate announced imported"
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
        ("trackingCode", "trackingNumber"),
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
    assert closest(name, KNOWN) == meant


@pytest.mark.parametrize("name", ["", "x", "id", "key", "weight", "cnpj", "a" * 10_000])
def test_nobody_can_say_what_others_mean(name: str) -> None:
    assert not closest(name, KNOWN)
