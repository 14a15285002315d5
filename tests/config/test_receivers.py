"""Receivers of outgoing events: every problem at once, with field and fix."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.abc import ResolveResult
from pydantic import ValidationError

from relay.config import receivers
from relay.config.load import problems_of
from relay.config.problems import InvalidSettings
from relay.config.settings import Settings
from relay.outgoing.calls import PrivateAddress, PublicResolver

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
GOOD = {"url": "https://crm.example/hook", "secret": SECRET}
Making = Callable[..., Settings]


def found(settings: Making, **receiver: Any) -> dict[str, str]:
    """Return the problems of one receiver by field, with their hints."""
    try:
        settings(outgoing={"crm": GOOD | receiver})
    except ValidationError as error:
        listed = problems_of(error)
    except InvalidSettings as error:
        listed = list(error.findings)
    else:
        return {}
    assert all(one.hint for one in listed)
    return {one.key.removeprefix("outgoing.crm."): one.wrong for one in listed}


@pytest.mark.parametrize(
    ("given", "field", "wrong"),
    [
        ({"url": "http://crm.example/"}, "url", "unencrypted"),
        ({"url": "ftp://crm.example/"}, "url", "https"),
        ({"url": "https://user:x@crm.example/"}, "url", "password"),
        ({"url": "https://10.1.2.3/"}, "url", "private network"),
        ({"url": "https://169.254.169.254/"}, "url", "private network"),
        ({"url": "https://\uff11\uff10.1.2.3/"}, "url", "private network"),
        ({"url": "https://[fd00::1]/"}, "url", "private network"),
        ({"secret": "abc"}, "secret", "whsec_"),
        ({"secret": "whsec_!"}, "secret", "base64"),
        ({"secret": "whsec_YWJj"}, "secret", "bytes"),
        ({"previous_secret": "abc"}, "previous_secret", "whsec_"),
        ({"types": ["shipment.deliverd"]}, "types", "shipment.deliverd"),
        ({"accounts": ["stroe"]}, "accounts", "stroe"),
        ({"timeout_seconds": 0}, "timeout_seconds", "too small"),
    ],
)
def test_what_is_wrong_is_named(
    settings: Making, given: dict[str, Any], field: str, wrong: str
) -> None:
    problems = found(settings, **given)
    assert list(problems) == [field]
    assert wrong in problems[field]


def test_all_problems_are_named_at_once(settings: Making) -> None:
    problems = found(settings, url="x", secret="y", types=["z"])
    assert set(problems) == {"url", "secret", "types"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"url": "http://127.0.0.1:5678/webhook/x"},
        {"url": "http://localhost:5678/"},
        {"url": "https://10.1.2.3/", "private_network": True},
        {"types": ["shipment.*", "alert.opened"], "accounts": ["store"]},
    ],
)
def test_a_usable_receiver_is_accepted(settings: Making, given: dict[str, Any]) -> None:
    assert found(settings, **given) == {}


def test_without_the_library_the_settings_say_what_to_install(
    settings: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "EXTRA", "a_library_that_is_missing")
    with pytest.raises(ValidationError) as refused:
        settings(outgoing={"crm": GOOD})
    (problem,) = problems_of(refused.value)
    assert "carrier-tracking-relay[outgoing]" in problem.hint


def test_secrets_are_masked_in_logs(settings: Making) -> None:
    made = settings(outgoing={"crm": GOOD})
    assert SECRET in made.secret_values()
    assert SECRET not in repr(made)
    assert "/hook" not in repr(made)


async def test_a_name_that_leads_into_a_private_network_is_refused() -> None:
    class Leading(PublicResolver):
        """A resolver whose name server is someone else's."""

        def __init__(self, address: str) -> None:
            super().__init__()
            self.address = address

        async def looked_up(self, *_: Any) -> list[ResolveResult]:
            return [ResolveResult(
                hostname="x", host=self.address, port=443, family=2, proto=0, flags=0
            )]  # fmt: skip

    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(PrivateAddress, match="private network"):
            await Leading(address).resolve("crm.example", 443)
    assert await Leading("93.184.216.34").resolve("crm.example", 443)
