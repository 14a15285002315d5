"""All kinds of signatures, with a controlled clock."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.generic import Adapter
from relay.adapters.protocol import ContractOptions, WebhookRequest
from relay.errors import ConfigurationError, VerificationFailed

FORMAT: dict[str, Any] = {
    "references": [{"kind": "tracking_number", "path": "n"}],
    "code": "c",
    "time": "t",
}
VECTOR = json.loads(Path(__file__).with_name("standard-webhooks.json").read_text())
SENT = datetime.fromtimestamp(int(VECTOR["headers"]["webhook-timestamp"]), UTC)
STAMP = str(int(SENT.timestamp()))
BODY = b'{"n": "1"}'


def adapter(
    signature: Any, *secrets: str, now: datetime = SENT, **more: Any
) -> Adapter:
    options = FORMAT | more | {"signature": signature}
    contract = ContractOptions("c", ZoneInfo("UTC"), secrets, options=options)
    return Adapter(contract, now=lambda: now)


def trusts(
    made: Adapter, headers: Mapping[str, str], body: bytes = BODY, method: str = "POST"
) -> bool:
    lower = {name.lower(): text for name, text in headers.items()}
    try:
        made.verify(WebhookRequest(lower, body, method))
    except VerificationFailed:
        return False
    return True


def signed(key: bytes, message: bytes, digest: str = "sha256") -> bytes:
    return hmac.new(key, message, digest).digest()


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512", "md5", "blake2b"])
def test_any_digest_signs(digest: str) -> None:
    made = adapter({"kind": "hmac", "header": "X-Sign", "digest": digest}, "key")
    good = signed(b"key", BODY, digest).hex()
    assert trusts(made, {"X-Sign": good})
    assert trusts(made, {"X-Sign": good.upper()})
    assert not trusts(made, {"X-Sign": good}, BODY + b" ")
    assert not trusts(made, {"X-Sign": good[:-1]})
    assert not trusts(made, {})


@pytest.mark.parametrize("message", [b"a", b"bb", b"?>?>", b"\xff"])
def test_base64_is_read_in_both_alphabets_with_and_without_padding(
    message: bytes,
) -> None:
    mac = signed(b"key", message)
    plain = base64.b64encode(mac).decode()
    url = base64.urlsafe_b64encode(mac).decode()
    for encoding, text in [("base64", plain), ("base64url", url)]:
        options = {"kind": "hmac", "header": "x-sign", "encoding": encoding}
        made = adapter(options, "key")
        assert trusts(made, {"x-sign": text}, message)
        assert trusts(made, {"x-sign": text.rstrip("=")}, message)
        assert not trusts(made, {"x-sign": text.lower()}, message)


@pytest.mark.parametrize(
    ("encoding", "secret"),
    [("utf-8", "schlüssel"), ("hex", "00ff7f"), ("base64", "AP9/"), ("base64", "AP8")],
)
def test_a_key_may_be_encoded(encoding: str, secret: str) -> None:
    keys = {"schlüssel": secret.encode(), "AP8": b"\0\xff"}
    key = keys.get(secret, b"\0\xff\x7f")
    made = adapter({"kind": "hmac", "header": "s", "key": encoding}, secret)
    assert trusts(made, {"s": signed(key, BODY).hex()})


@pytest.mark.parametrize(("encoding", "secret"), [("hex", "xyz"), ("base64", "é!")])
def test_a_key_with_another_encoding_is_a_start_up_error(
    encoding: str, secret: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^secret: .*{encoding}") as refused:
        adapter({"kind": "hmac", "header": "s", "key": encoding}, secret)
    assert secret not in str(refused.value)


def test_a_prefix_is_part_of_the_header() -> None:
    made = adapter({"kind": "hmac", "header": "X-Sign", "prefix": "sha256="}, "key")
    good = signed(b"key", BODY).hex()
    assert trusts(made, {"X-Sign": f"sha256={good}"})
    assert not trusts(made, {"X-Sign": good})


def test_one_of_several_signatures_is_enough() -> None:
    made = adapter({"kind": "hmac", "header": "X-Sign", "separator": ","}, "key")
    assert trusts(made, {"X-Sign": f"00ff, {signed(b'key', BODY).hex()}"})


def test_a_header_alone_may_be_signed() -> None:
    options = {"kind": "hmac", "header": "sign", "signed": "{header:X-Time}"}
    made = adapter(options, "key")
    assert trusts(made, {"sign": signed(b"key", b"12").hex(), "X-Time": "12"})
    assert not trusts(made, {"sign": signed(b"key", b"12").hex(), "X-Time": "13"})


TIMED = {
    "kind": "hmac",
    "header": "sign",
    "signed": "{method}|{timestamp}.{body}",
    "timestamp_header": "X-Time",
    "tolerance_seconds": 60,
}


@pytest.mark.parametrize("stamp", [STAMP, f"{STAMP}000"])
@pytest.mark.parametrize(
    ("late", "fresh"), [(0, 1), (60, 1), (-60, 1), (61, 0), (-61, 0)]
)
def test_a_template_signs_the_time_too(stamp: str, late: int, fresh: int) -> None:
    made = adapter(TIMED, "key", now=SENT + timedelta(seconds=late))
    good = signed(b"key", b"PUT|%s.%s" % (stamp.encode(), BODY)).hex()
    assert trusts(made, {"sign": good, "X-Time": stamp}, method="PUT") is bool(fresh)
    assert not trusts(made, {"sign": good, "X-Time": stamp})
    assert not trusts(made, {"sign": good}, method="PUT")
    assert not trusts(made, {"sign": good, "X-Time": "soon"}, method="PUT")


def test_an_authorization_scheme_has_no_case() -> None:
    options = {"kind": "header", "header": "Authorization", "prefix": "Bearer "}
    made = adapter(options, "token")
    for good in ("bearer token", "BEARER  token"):
        assert trusts(made, {"Authorization": good})
    for wrong in ("token", "Basic token", "Bearer Token"):
        assert not trusts(made, {"Authorization": wrong})
    several = adapter(options | {"prefix": "Token key= "}, "token")
    assert trusts(several, {"Authorization": "Token key= token"})


def test_a_header_shows_the_secret() -> None:
    options = {"kind": "header", "header": "Authorization", "prefix": "Bearer "}
    made = adapter(options, "old", "new")
    assert trusts(made, {"Authorization": "Bearer new"})
    assert not trusts(made, {"Authorization": "new"})
    assert not trusts(made, {"Authorization": "Bearer "})
    assert not trusts(made, {})


def test_basic_auth_shows_user_and_password() -> None:
    made = adapter("basic", "user:password")
    shown = "Basic " + base64.b64encode(b"user:password").decode()
    assert trusts(made, {"Authorization": shown})
    assert not trusts(made, {"Authorization": shown.replace("Basic", "Bearer")})


@pytest.mark.parametrize("kind", ["none", "url", {"kind": "none"}, None])
def test_without_a_signature_every_request_is_rejected(kind: Any) -> None:
    assert not trusts(adapter(kind), {"Authorization": "anything"})


def test_a_secret_that_proves_nothing_stops_the_start() -> None:
    for kind in ("none", "url"):
        with pytest.raises(ConfigurationError, match=r"^signature: required"):
            adapter(kind, "secret")


@pytest.mark.parametrize("brand", ["webhook", "svix"])
def test_the_published_vector_of_standard_webhooks_is_trusted(brand: str) -> None:
    made = adapter("standard_webhooks", VECTOR["secret"])
    headers = {n.replace("webhook", brand): t for n, t in VECTOR["headers"].items()}
    body = VECTOR["body"].encode()
    assert trusts(made, headers, body)
    bare = VECTOR["secret"].removeprefix("whsec_")
    assert trusts(adapter("standard_webhooks", bare), headers, body)
    assert not trusts(made, headers, body + b" ")
    for missing in headers:
        assert not trusts(
            made, {n: t for n, t in headers.items() if n != missing}, body
        )


def test_of_several_signatures_of_standard_webhooks_one_must_fit() -> None:
    made = adapter("standard_webhooks", VECTOR["secret"])
    good, body = VECTOR["headers"]["webhook-signature"], VECTOR["body"].encode()
    for text, fits in [
        (f"v1,AAAA {good}", True),
        (f"v1a,AAAA {good} v2,x", True),
        (good.replace("v1,", "v2,"), False),
        (good.removeprefix("v1,"), False),
        ("", False),
    ]:
        headers = VECTOR["headers"] | {"webhook-signature": text}
        assert trusts(made, headers, body) is fits


@pytest.mark.parametrize(
    ("seconds", "fresh"), [(300, True), (301, False), (-301, False)]
)
def test_standard_webhooks_are_fresh_for_five_minutes(
    seconds: int, fresh: bool
) -> None:
    now = SENT + timedelta(seconds=seconds)
    made = adapter("standard_webhooks", VECTOR["secret"], now=now)
    assert trusts(made, VECTOR["headers"], VECTOR["body"].encode()) is fresh


def test_the_clock_of_the_machine_is_used_unless_another_is_given() -> None:
    options = FORMAT | {"signature": "standard_webhooks"}
    secrets = (VECTOR["secret"],)
    made = Adapter(ContractOptions("c", ZoneInfo("UTC"), secrets, options=options))
    assert not trusts(made, VECTOR["headers"], VECTOR["body"].encode())


KINDS = [
    {"kind": "hmac", "header": "sign", "encoding": ["hex", "base64", "base64url"]},
    TIMED,
    {"kind": "header", "header": "sign", "prefix": "Bearer "},
    {"kind": "basic"},
    {"kind": "standard_webhooks"},
]
TEXTS = st.text(st.characters(exclude_categories=()), max_size=60)
SHOWN = ["sign", "x-time", "authorization"]
BRANDED = [f"{b}-{n}" for b in ("webhook", "svix") for n in ("id", "timestamp")]
NAMES = st.sampled_from([*SHOWN, *BRANDED, "webhook-signature", "svix-signature"])


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(
    headers=st.dictionaries(NAMES, TEXTS | st.just(STAMP), max_size=6),
    body=st.binary(max_size=200),
    method=TEXTS,
)
def test_rubbish_is_refused_and_nothing_worse(
    kind: Any, headers: dict[str, str], body: bytes, method: str
) -> None:
    made = adapter(kind, base64.b64encode(hashlib.sha256(b"key").digest()).decode())
    with pytest.raises(VerificationFailed):
        made.verify(WebhookRequest(headers, body, method))
