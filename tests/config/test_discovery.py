"""Settings of discovery that contradict each other are refused, with the fix."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from relay.config.problems import InvalidSettings
from relay.config.settings import Settings

PAIR = {"app_key": "k", "app_token": "t"}
SECRET = {"hook_secret": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ({"discovery": "hook"}, "required for the hook"),
        ({"discovery_app_key": "k2"}, "required with the other one"),
        ({"discovery": "hook", "hook_secret": "short"}, "16"),
        ({"discovery": "hook"} | SECRET, "VTEX must know the relay's address"),
        ({"feed_filter": "other"}, "workflow"),
    ],
)
def test_half_a_configuration_is_refused(
    account: dict[str, str], says: str, settings: Callable[..., Settings]
) -> None:
    with pytest.raises((ValidationError, InvalidSettings)) as refused:
        settings({}, accounts={"store": PAIR | account})
    assert says in str(refused.value)


def test_secrets_of_discovery_are_masked(settings: Callable[..., Settings]) -> None:
    pair = {"discovery_app_key": "other-key", "discovery_app_token": "other-token"}
    account: dict[str, Any] = PAIR | pair | SECRET | {"discovery": "both"}
    made = settings({}, accounts={"store": account}, public_url="https://relay.example")
    assert {*pair.values(), *SECRET.values()} <= made.secret_values()
    assert made.hook_url("store") == "https://relay.example/vtex/hook/store"


def test_two_contracts_cannot_claim_a_courier_by_another_spelling(
    settings: Callable[..., Settings],
) -> None:
    names = {"one": ["São João"], "two": ["SAO  JOAO"]}
    with pytest.raises(InvalidSettings, match="has the same one"):
        settings({n: {"courier_names": names[n]} for n in names})
