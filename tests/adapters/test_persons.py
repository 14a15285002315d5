"""Fields that may be personal data are detected by their names."""

from typing import Any

import pytest

from relay.adapters.personal_data import personal_paths

SAMPLE = {
    "number": "BR1",
    "receiver": {"name": "Uma Pessoa"},
    "Events": [{"Data": {"signatureUrl": "x"}}, {"Data": {"customer_email": "x"}}],
    "documento": [{"serie": "1"}],
    "latitude": -23.5,
    "plateau": "no place",
}


def test_they_are_found_in_lists_and_objects() -> None:
    assert [".".join(path) for path in personal_paths(SAMPLE)] == [
        "receiver",
        "Events.Data.signatureUrl",
        "Events.Data.customer_email",
        "latitude",
    ]


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_empty_value_is_not_personal(empty: Any) -> None:
    assert list(personal_paths({"receiver": empty})) == []
