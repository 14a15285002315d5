"""Key pairs of the VTEX-compatible endpoint in the settings."""

from collections.abc import Callable

import pytest

from relay.config.account import hash_token
from relay.config.endpoint import NewPair
from relay.config.problems import SettingsProblem
from relay.config.settings import Settings

Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]

PAIR = {
    "APP_KEY": "relaykey-acme-0A1B2C3D",
    "HASH": hash_token("the-token"),
    "ACCOUNT": "acme",
    "CONTRACT": "swift",
}


def variables(name: str = "ERP", **changed: str) -> dict[str, str]:
    return {f"ENDPOINT__{name}__{k}": v for k, v in (PAIR | changed).items()}


def test_a_presented_pair_finds_its_name(loaded: Loaded) -> None:
    settings = loaded(**variables())
    found = settings.pair_for(PAIR["APP_KEY"], "the-token")
    assert found is not None
    assert (found.name, found.account, found.contract) == ("erp", "acme", "swift")
    assert PAIR["HASH"] not in repr(settings)


@pytest.mark.parametrize(
    ("key", "token"),
    [
        ("", ""),
        (PAIR["APP_KEY"], "wrong"),
        (PAIR["APP_KEY"], PAIR["HASH"]),
        ("relaykey-other-0A1B2C3D", "the-token"),
        ("ção\udcff", "ção\udcff"),
    ],
)
def test_another_pair_is_refused(loaded: Loaded, key: str, token: str) -> None:
    assert loaded(**variables()).pair_for(key, token) is None


def test_a_new_pair_can_be_configured_at_once(loaded: Loaded) -> None:
    made, again = NewPair.make("acme"), NewPair.make("acme")
    assert made.app_token != again.app_token
    assert made.app_token not in repr(made)
    settings = loaded(**variables(APP_KEY=made.app_key, HASH=made.hash))
    assert settings.pair_for(made.app_key, made.app_token) is not None


@pytest.mark.parametrize(
    ("changed", "key", "wrong"),
    [
        ({"HASH": "the-token"}, "HASH", "not a token's hash"),
        ({"APP_KEY": "a key"}, "APP_KEY", "must be 8 to 100 letters"),
        ({"ACCOUNT": "acne"}, "ACCOUNT", "unknown account 'acne'"),
        ({"CONTRACT": "slow"}, "CONTRACT", "unknown contract 'slow'"),
    ],
)
def test_a_pair_that_cannot_be_used_is_refused(
    found: Found, changed: dict[str, str], key: str, wrong: str
) -> None:
    problems = found(**variables(**changed))
    assert problems[f"ENDPOINT__ERP__{key}"].wrong.startswith(wrong)


def test_the_contract_must_serve_the_account(found: Found) -> None:
    other = {"ACCOUNTS__BETA__APP_KEY": "key", "ACCOUNTS__BETA__APP_TOKEN": "token"}
    serves = {"CONTRACTS__SWIFT__ACCOUNT": "acme"}
    problems = found(**variables(ACCOUNT="beta"), **other, **serves)
    assert problems["ENDPOINT__ERP__CONTRACT"].wrong == (
        "the contract does not serve account 'beta'"
    )


def test_two_pairs_have_two_keys(found: Found) -> None:
    problems = found(**variables(), **variables("HUB"))
    assert problems["ENDPOINT__HUB__APP_KEY"].wrong == "same key as endpoint.erp"
