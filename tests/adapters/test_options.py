"""The keys of a contract that belong to its adapter."""

from typing import Any

import pytest

from relay.adapters.options import base_url, refuse_unknown, text_option
from relay.errors import ConfigurationError

HOME = "https://carrier.example"


def test_a_key_that_the_adapter_does_not_know_is_refused_by_name() -> None:
    refuse_unknown({"user": "x"}, {"user"})
    with pytest.raises(ConfigurationError, match=r"^colour: .*known here: code, user"):
        refuse_unknown({"user": "x", "colour": "blue"}, {"user", "code"})
    with pytest.raises(ConfigurationError, match=r"known here: none$"):
        refuse_unknown({"colour": "blue"})


def test_every_unknown_key_is_named_with_what_was_probably_meant() -> None:
    with pytest.raises(ConfigurationError) as refused:
        refuse_unknown({"usr": "x", "cod": "y"}, {"user", "code"})
    assert str(refused.value).splitlines() == [
        "usr: unknown option; did you mean `user`?",
        "cod: unknown option; did you mean `code`?",
    ]


@pytest.mark.parametrize(("value", "text"), [(" a ", "a"), (12, "12"), ("", "")])
def test_a_text_may_be_written_as_a_number(value: object, text: str) -> None:
    assert text_option({"key": value}, "key") == text


def test_a_missing_text_is_empty() -> None:
    assert text_option({}, "key") == ""


@pytest.mark.parametrize("value", [True, None, 1.5, ["a"]])
def test_another_value_is_refused_by_its_key(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^key: must be a string"):
        text_option({"key": value}, "key")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, HOME),
        ({"base_url": ""}, HOME),
        ({"base_url": "https://other.example/x/"}, "https://other.example/x"),
        ({"base_url": "http://127.0.0.1:8080/a"}, "http://127.0.0.1:8080/a"),
        ({"base_url": "http://localhost:8080"}, "http://localhost:8080"),
        ({"base_url": "http://[::1]:8080"}, "http://[::1]:8080"),
    ],
)
def test_a_carrier_may_be_elsewhere(given: dict[str, Any], url: str) -> None:
    assert base_url(given, HOME) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://carrier.example",
        "http://10.0.0.1",
        "ftp://carrier.example",
        "carrier.example",
        "https://",
        "http://[::1",
    ],
)
def test_credentials_do_not_travel_in_clear_text(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url: "):
        base_url({"base_url": url}, HOME)
