"""The contract's settings say what VTEX is told of a parcel, else the adapter does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.domain.events import ParcelView
from relay.registration.contract_terms import reading_terms, resolve_contract_options
from relay.store.event_rows import Pace
from tests.support.acme import Acme

PAGE = "https://store.example/follow?n={tracking_number}"
PARCEL = ParcelView((), "AC 1&x", "")
Make = Callable[..., Settings]


class Failing(Acme):
    def tracking_url(self, parcel: ParcelView) -> str | None:
        raise LookupError(parcel.tracking_number)


@pytest.mark.parametrize(
    ("contract", "carrier", "expected"),
    [
        ({}, Acme(), ("Acme Express", "https://acme.example/AC 1&x")),
        ({"courier": "Expresso"}, Failing(), ("Expresso", None)),
        (
            {"tracking_url": PAGE},
            Acme(),
            ("Acme Express", "https://store.example/follow?n=AC%201%26x"),
        ),
        (
            {"tracking_url": PAGE + "&key={invoice_key}"},
            Acme(),
            ("Acme Express", None),
        ),
    ],
)
def test_courier_and_page(
    settings: Make, contract: dict[str, Any], carrier: Acme, expected: object
) -> None:
    made = settings({"acme": contract}).contracts["acme"]
    assert resolve_contract_options(made, carrier, PARCEL) == expected


def test_the_reader_knows_the_bounds_and_who_adopts(settings: Make) -> None:
    made = settings(
        {
            "acme": {"lower_bound_days": 3},
            "freight": {"tracking_number": "from_carrier"},
        }
    ).contracts
    terms = reading_terms(made, {"acme": Acme(), "freight": Acme()}, Pace())
    assert terms.lower_bounds["acme"] == timedelta(days=3)
    assert set(terms.adoptions) == {"freight"}
    assert terms.adoptions["freight"](PARCEL)[0] == "Acme Express"
