"""What is sealed can be opened with the same key only, and only unchanged."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config.seal import BrokenSeal, Seal, seals
from relay.config.settings import Settings

Make = Callable[..., Settings]
PLAIN = b"authorization: Bearer the-secret"


@given(st.binary(max_size=2000))
def test_what_was_sealed_is_opened(plain: bytes) -> None:
    assert Seal(b"key").open(Seal(b"key").close(plain)) == plain


def test_equal_texts_look_different_when_sealed() -> None:
    seal = Seal(b"key")
    first, second = seal.close(PLAIN), seal.close(PLAIN)
    assert first != second
    assert PLAIN not in first
    assert first[-8:] != second[-8:]


@pytest.mark.parametrize("position", [0, 31, 32, 47, 48, -1])
def test_a_changed_text_is_not_opened(position: int) -> None:
    sealed = bytearray(Seal(b"key").close(PLAIN))
    sealed[position] ^= 1
    with pytest.raises(BrokenSeal):
        Seal(b"key").open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(48)])
def test_what_was_never_sealed_is_not_opened(sealed: bytes) -> None:
    with pytest.raises(BrokenSeal):
        Seal(b"key").open(sealed)


def test_each_contract_and_account_token_has_a_key_of_its_own(settings: Make) -> None:
    contracts = {"acme": {}, "zeta": {}}
    mine = seals(settings(contracts))
    sealed = mine["acme"].close(PLAIN)
    assert seals(settings(contracts))["acme"].open(sealed) == PLAIN
    with pytest.raises(BrokenSeal):
        mine["zeta"].open(sealed)
    other = {"store": {"app_key": "k", "app_token": "another-token"}}
    with pytest.raises(BrokenSeal):
        seals(settings(contracts, accounts=other))["acme"].open(sealed)


def test_a_corrected_contract_secret_opens_what_was_sealed_before(
    settings: Make,
) -> None:
    sealed = seals(settings({"acme": {"secret": "wrong"}}))["acme"].close(PLAIN)
    assert seals(settings({"acme": {"secret": "right"}}))["acme"].open(sealed) == PLAIN
