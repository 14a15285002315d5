from collections.abc import Callable
from datetime import timedelta

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
        ("http://acme.myvtex.com", "would send the account's token unencrypted"),
        ("http://10.0.0.1", "would send the account's token unencrypted"),
        ("https://acme.myvtex.com/admin", "must not contain a path"),
        ("https://acme.myvtex.com?x=1", "must contain only host and path"),
        ("https://me@acme.myvtex.com", "must not contain a user or a password"),
        ("https://acme.myvtex.com:x", "invalid address"),
        ("acme", "must start with https:// and a host"),
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
    assert finding.wrong == f"unknown time zone {zone!r}"
    assert 'write for example "' in finding.hint


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
    assert found(LISTEN=text)["LISTEN"].wrong == "must be host:port"


def test_the_public_address_loses_its_last_slash(loaded: Loaded, found: Found) -> None:
    assert loaded(PUBLIC_URL="https://r.example/x/").public_url == "https://r.example/x"
    assert "PUBLIC_URL" in found(PUBLIC_URL="r.example")


@pytest.mark.parametrize("text", ["relay.db", "mysql://x/y", "sqlite:///"])
def test_an_unknown_database_is_refused(found: Found, text: str) -> None:
    assert found(DATABASE=text)["DATABASE"].wrong == "not the address of a database"


def test_waits_that_contradict_one_another_are_refused(found: Found) -> None:
    quiet = found(PUBLISHER__QUIET_SECONDS="11")
    assert quiet["PUBLISHER__QUIET_SECONDS"].wrong == (
        "longer than events_wait_seconds"
    )
    gate = found(PUBLISHER__GATE_SECONDS="4000")
    assert "gate_cap_seconds" in gate["PUBLISHER__GATE_SECONDS"].hint


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x"])
def test_a_time_is_a_positive_number(found: Found, text: str) -> None:
    assert "PUBLISHER__DEADLINE_SECONDS" in found(PUBLISHER__DEADLINE_SECONDS=text)


@pytest.mark.parametrize(
    ("text", "wrong", "hint"),
    [
        ("0", "too small", "use more than 0"),
        ("-1", "too small", "use more than 0"),
        ("nan", "must be a number of seconds", "write it without quotes, such as 10"),
        ("1e300", "too large", "use fewer seconds"),
    ],
)
def test_a_wrong_duration_says_what_is_possible(
    found: Found, text: str, wrong: str, hint: str
) -> None:
    finding = found(PUBLISHER__DEADLINE_SECONDS=text)["PUBLISHER__DEADLINE_SECONDS"]
    assert (finding.wrong, finding.hint) == (wrong, f"{hint}; default: 45")


@pytest.mark.parametrize("text", ["0", "36501", "1.5", "x"])
def test_days_are_whole_and_within_bounds(found: Found, text: str) -> None:
    assert "RETENTION__CALLS_DAYS" in found(RETENTION__CALLS_DAYS=text)


def test_a_duration_is_converted_once_from_its_unit(loaded: Loaded) -> None:
    settings = loaded(
        PUBLISHER__QUIET_SECONDS="0.5",
        PUBLISHER__NOT_YET_HOURS="1.5",
        CONTRACTS__SWIFT__POLL_URGENT_MINUTES="20",
        RETENTION__EXPIRE_DAYS="7",
    )
    assert settings.publisher.quiet_seconds == timedelta(milliseconds=500)
    assert settings.publisher.not_yet_hours == timedelta(minutes=90)
    contract = settings.contract_for("swift")
    assert contract.poll_urgent_minutes == timedelta(minutes=20)
    assert contract.expire_days == timedelta(days=7)


@pytest.mark.parametrize("text", ["-0.1", "3600.1"])
def test_poll_spacing_is_between_zero_and_an_hour(found: Found, text: str) -> None:
    assert "CONTRACTS__SWIFT__POLL_SPACING_SECONDS" in found(
        CONTRACTS__SWIFT__POLL_SPACING_SECONDS=text
    )


@pytest.mark.parametrize(
    ("public_url", "more", "address"),
    [
        (None, {}, "/webhooks/swift"),
        ("https://r.example/x/", {}, "https://r.example/x/webhooks/swift"),
        (
            "https://r.example",
            {"VERIFICATION": "url", "URL_SECRET": "0123456789abcdef"},
            "https://r.example/webhooks/swift/<url_secret>",
        ),
        ("https://r.example", {"VERIFICATION": "polling_only"}, ""),
    ],
)
def test_the_address_of_a_contracts_webhooks_is_below_the_public_one(
    loaded: Loaded, public_url: str | None, more: dict[str, str], address: str
) -> None:
    given = {f"CONTRACTS__SWIFT__{key}": text for key, text in more.items()}
    settings = loaded(PUBLIC_URL=public_url or "", **given)
    assert settings.webhook_url(settings.contract_for("swift")) == address
