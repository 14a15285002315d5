import base64
import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.adapters.protocol import WebhookRequest
from relay.adapters.signatures import (
    Encoding,
    check_basic,
    check_hmac_sha256,
    check_scheme_secret,
    check_secret,
    equal,
    hmac_sha256,
    presented_in,
)
from relay.errors import VerificationFailed

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # surrogates too
BODY = '{"olá": 1}'.encode()
MAC = hmac.new(b"s\xc3\xa9cret", BODY, hashlib.sha256)


@example(one="\ud800", other="\udc80")
@given(one=ANY_TEXT, other=ANY_TEXT)
def test_two_texts_are_equal_as_texts_are_whatever_they_hold(
    one: str, other: str
) -> None:
    assert equal(one, other) is (one == other)
    assert equal(one, one)


def test_a_signature_is_encoded_in_hex_or_base64() -> None:
    assert hmac_sha256("sécret", BODY, "hex") == MAC.hexdigest()
    assert (
        hmac_sha256("sécret", BODY, "base64") == base64.b64encode(MAC.digest()).decode()
    )


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_with_any_valid_secret_is_trusted(encoding: Encoding) -> None:
    for secrets in [("sécret",), ("old", "sécret"), ("sécret", "new")]:
        check_hmac_sha256(
            hmac_sha256("sécret", BODY, encoding),
            iter(secrets),
            BODY,
            encodings=iter(("hex", "base64")),
        )


def test_a_spelling_that_the_carrier_does_not_use_is_refused() -> None:
    with pytest.raises(VerificationFailed):
        check_hmac_sha256(MAC.hexdigest(), ("sécret",), BODY, encodings=("base64",))


@pytest.mark.parametrize(
    ("presented", "secrets", "body"),
    [
        ("", ("sécret",), BODY),
        (MAC.hexdigest(), (), BODY),
        (MAC.hexdigest(), ("wrong",), BODY),
        (MAC.hexdigest(), ("sécret",), BODY + b" "),
        (MAC.hexdigest()[:-1], ("sécret",), BODY),
        (hmac_sha256("", BODY, "hex"), ("",), BODY),
    ],
)
def test_a_signature_that_does_not_fit_is_refused(
    presented: str, secrets: tuple[str, ...], body: bytes
) -> None:
    with pytest.raises(VerificationFailed):
        check_hmac_sha256(presented, secrets, body, encodings=("hex",))


@pytest.mark.parametrize("secrets", [("token",), ("old", "token"), ("token", "new")])
def test_a_shown_secret_is_trusted_if_it_is_one_of_the_contracts(
    secrets: tuple[str, ...],
) -> None:
    check_secret("token", secrets)


@pytest.mark.parametrize(
    ("presented", "secrets"),
    [("", ("",)), ("", ()), ("toke", ("token",)), ("", ("t",))],
)
def test_a_shown_secret_that_is_not_the_contracts_is_refused(
    presented: str, secrets: tuple[str, ...]
) -> None:
    with pytest.raises(VerificationFailed):
        check_secret(presented, secrets)


def test_basic_credentials_are_trusted_in_utf_8() -> None:
    header = "Basic " + base64.b64encode("usuário:senha".encode()).decode()
    check_basic(header, ("other:one", "usuário:senha"))


@pytest.mark.parametrize("header", ["", "Basic ", "Basic dTpw", "u:p", "Bearer dTpx"])
def test_other_basic_credentials_are_refused(header: str) -> None:
    with pytest.raises(VerificationFailed):
        check_basic(header, ("u:q", ""))


@pytest.mark.parametrize(
    "scheme", ["Basic ", "basic ", "BASIC ", "Basic  ", " Basic   "]
)
@pytest.mark.parametrize("codec", ["utf-8", "latin-1"])
def test_basic_credentials_are_parsed_by_the_rfc(scheme: str, codec: str) -> None:
    encoded = base64.b64encode("usuário:sênha".encode(codec)).decode()
    check_basic(scheme + encoded, ("other:one", "usuário:sênha"))
    check_basic(scheme + encoded.rstrip("=") + " ", ("usuário:sênha",))
    with pytest.raises(VerificationFailed):
        check_basic(scheme + encoded, ("usuário:senha",))


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic Ã", "Basic \udcff", "Basic dTpx dTpx", "BasicdTpx", "dTpx"],
)
def test_malformed_basic_credentials_are_refused(header: str) -> None:
    with pytest.raises(VerificationFailed):
        check_basic(header, ("u:q",))


@pytest.mark.parametrize("presented", ["sênha", "s\udceanha"])
def test_a_shown_secret_is_compared_as_bytes(presented: str) -> None:
    """aiohttp escapes bytes of a header that are not UTF-8."""
    check_secret(presented, ("sênha",))
    for other in ("senha", "s?nha", "s\udcebnha"):
        with pytest.raises(VerificationFailed):
            check_secret(presented, (other,))


@pytest.mark.parametrize("header", ["Bearer token", "bearer token", "BEARER   token "])
def test_a_scheme_has_no_case(header: str) -> None:
    check_scheme_secret(header, "Bearer", ("token",))
    for wrong in ("token", "Basic token", "Bearer Token", "Bearer", ""):
        with pytest.raises(VerificationFailed):
            check_scheme_secret(wrong, "Bearer", ("token",))


def test_a_header_that_did_not_come_is_named() -> None:
    with pytest.raises(VerificationFailed, match="no signature header x-signed came"):
        presented_in(WebhookRequest({"x-signed": " "}, b"{}"), "X-Signed")
    assert presented_in(WebhookRequest({"x-signed": " a"}, b"{}"), "X-Signed") == "a"
