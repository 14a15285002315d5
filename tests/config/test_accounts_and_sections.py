from collections.abc import Callable

import pytest

from relay.config.problems import SettingsProblem
from relay.config.settings import Settings

Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://[::1]:8090/", "http://[::1]:8090"),
        ("http://localhost", "http://localhost"),
        ("https://{account}.myvtex.com/", "https://acme.myvtex.com"),
    ],
)
def test_an_account_may_be_elsewhere(loaded: Loaded, text: str, address: str) -> None:
    assert loaded(ACCOUNTS__ACME__BASE_URL=text).account("acme").base_url == address


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("http://acme.myvtex.com", "the account's token would travel unencrypted"),
        ("http://10.0.0.1", "the account's token would travel unencrypted"),
        ("https://acme.myvtex.com/admin", "the address holds a path"),
        ("https://acme.myvtex.com?x=1", "the address holds more than host and path"),
        ("https://me@acme.myvtex.com", "the address holds a user or a password"),
        ("https://acme.myvtex.com:x", "the address cannot be read"),
        ("acme", "the address does not start with https:// and a host"),
    ],
)
def test_an_unsafe_address_is_refused(found: Found, text: str, wrong: str) -> None:
    finding = found(ACCOUNTS__ACME__BASE_URL=text)
    assert finding["ACCOUNTS__ACME__BASE_URL"].wrong == wrong


def test_an_account_is_named_as_in_its_address(found: Found) -> None:
    findings = found(
        ACCOUNTS='{"Acme.myvtex.com": {"app_key": "k", "app_token": "t"}}',
    )
    assert [f.hint for f in findings.values()] == [
        "use the first part of the store's address: x of x.myvtex.com"
    ]


@pytest.mark.parametrize("zone", ["Brasilia", "america/sao_paulo", " ", "../etc"])
def test_a_wrong_zone_is_a_clear_error(found: Found, zone: str) -> None:
    finding = found(ACCOUNTS__ACME__ZONE=zone)["ACCOUNTS__ACME__ZONE"]
    assert finding.wrong == f"there is no time zone {zone!r}"
    assert 'write for instance "' in finding.hint


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0.0.0.0:80", ("0.0.0.0", 80)),  # noqa: S104 -- nothing listens
        ("[::1]:0", ("::1", 0)),
        ("relay.local:65535", ("relay.local", 65535)),
    ],
)
def test_the_relay_listens_at_host_and_port(
    loaded: Loaded, text: str, at: tuple[str, int]
) -> None:
    assert loaded(LISTEN=text).listen_at == at


@pytest.mark.parametrize("text", ["8080", ":8080", "h:65536", "::1:80", "http://h:1"])
def test_what_is_no_host_and_port_is_refused(found: Found, text: str) -> None:
    assert found(LISTEN=text)["LISTEN"].wrong == "it is not host and port"


def test_the_public_address_loses_its_last_slash(loaded: Loaded, found: Found) -> None:
    assert loaded(PUBLIC_URL="https://r.example/x/").public_url == "https://r.example/x"
    assert "PUBLIC_URL" in found(PUBLIC_URL="r.example")


@pytest.mark.parametrize("text", ["relay.db", "mysql://x/y", "sqlite:///"])
def test_an_unknown_database_is_refused(found: Found, text: str) -> None:
    assert found(DATABASE=text)["DATABASE"].wrong == (
        "it is not the address of a database"
    )


def test_waits_that_contradict_one_another_are_refused(found: Found) -> None:
    quiet = found(PUBLISHER__QUIET_SECONDS="11")
    assert quiet["PUBLISHER__QUIET_SECONDS"].wrong == (
        "the quiet time is longer than news may wait"
    )
    gate = found(PUBLISHER__GATE_SECONDS="4000")
    assert "gate_cap_seconds" in gate["PUBLISHER__GATE_SECONDS"].hint


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x"])
def test_a_time_is_a_positive_number(found: Found, text: str) -> None:
    assert "PUBLISHER__DEADLINE_SECONDS" in found(PUBLISHER__DEADLINE_SECONDS=text)
