import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relay.domain.fiscal import NfeKey, check_digit, cnpj, invoice_reference

DIGITS = st.sampled_from(string.digits)
SIGNS = st.sampled_from(string.digits + string.ascii_uppercase)


@st.composite
def cnpjs(draw: st.DrawFn) -> str:
    base = draw(st.text(SIGNS, min_size=12, max_size=12).filter(lambda t: t.strip("0")))
    first = check_digit(base)
    return base + first + check_digit(base + first)


@st.composite
def nfe_keys(draw: st.DrawFn) -> str:
    state_and_month = draw(st.text(DIGITS, min_size=6, max_size=6))
    rest = draw(st.text(DIGITS, min_size=21, max_size=21))
    key = state_and_month + draw(cnpjs()) + draw(st.sampled_from(["55", "65"])) + rest
    return key + check_digit(key)


KEY = "35260712345678000195550010000012341000012346"
KEY = KEY[:-1] + check_digit(KEY[:-1])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("11.222.333/0001-81", "11222333000181"),
        ("00.000.000/0001-91", "00000000000191"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        (" 12abc34501de35\n", "12ABC34501DE35"),
    ],
)
def test_known_tax_ids_are_right(text: str, plain: str) -> None:
    assert cnpj(text) == plain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a CNPJ has 14 characters, not 0"),
        ("529.982.247-25", "a CNPJ has 14 characters, not 11"),
        ("11.222.333/0001-8A", "a CNPJ has 12 digits or letters and two check digits"),
        ("11.222.333/000ç-81", "a CNPJ has 12 digits or letters and two check digits"),
        ("١١٢٢٢٣٣٣٠٠٠١٨١", "a CNPJ has 12 digits or letters and two check digits"),
        ("00.000.000/0000-00", "a CNPJ cannot be all zeros"),
        ("11.222.333/0001-82", "the CNPJ's check digits are wrong"),
        ("11.222.333/0001-71", "the CNPJ's check digits are wrong"),
    ],
)
def test_what_is_no_tax_id_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cnpj(text)


@given(cnpjs())
def test_punctuation_and_case_make_no_difference(plain: str) -> None:
    pretty = f"{plain[:2]}.{plain[2:5]}.{plain[5:8]}/{plain[8:12]}-{plain[12:]}"
    assert cnpj(pretty.lower()) == cnpj(plain) == plain


@given(cnpjs(), st.sampled_from([12, 13]), DIGITS)
def test_a_changed_check_digit_is_detected(plain: str, at: int, digit: str) -> None:
    assume(plain[at] != digit)
    with pytest.raises(ValueError, match="check digits are wrong"):
        cnpj(plain[:at] + digit + plain[at + 1 :])


@given(nfe_keys(), DIGITS)
def test_a_changed_check_digit_of_a_key_is_detected(key: str, digit: str) -> None:
    assume(key[-1] != digit)
    with pytest.raises(ValueError, match="check digit is wrong"):
        NfeKey.parse(key[:-1] + digit)


@given(nfe_keys(), st.integers(22, 42), DIGITS)
def test_a_changed_digit_of_a_key_is_detected(key: str, at: int, digit: str) -> None:
    assume(key[at] != digit)
    assume(key[-1] != "0")  # two remainders share the digit 0: the law's own gap
    with pytest.raises(ValueError, match="check digit is wrong"):
        NfeKey.parse(key[:at] + digit + key[at + 1 :])


@given(nfe_keys())
def test_a_key_says_issuer_series_and_number(key: str) -> None:
    parsed = NfeKey.parse(f"NFe{key[:20]} {key[20:]}".lower())
    assert parsed.key == key
    assert parsed.issuer == cnpj(key[6:20])
    assert parsed.model == key[20:22]
    assert parsed.series.zfill(3) == key[22:25]
    assert parsed.number.zfill(9) == key[25:34]
    assert parsed.reference == f"{parsed.issuer}/{parsed.series}/{parsed.number}"


def test_series_and_number_lose_their_zeros() -> None:
    key = NfeKey.parse(KEY)
    assert (key.series, key.number) == ("1", "1234")
    assert key.reference == "12345678000195/1/1234"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (KEY[:-1], "an NF-e key has 44 characters, not 43"),
        ("X" + KEY[1:], "letters only in the issuer's part"),
        (KEY[:20] + "57" + KEY[22:], "the key is of document model 57, not of an NF-e"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        NfeKey.parse(text)


def test_an_invoice_without_series_is_of_series_zero() -> None:
    reference = invoice_reference("12.abc.345/01de-35", "000", "000")
    assert reference == "12ABC34501DE35/0/0"
