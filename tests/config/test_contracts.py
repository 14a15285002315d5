from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from relay.config.contract import ContractSettings
from relay.config.load import load
from relay.config.problems import SettingsProblem
from relay.config.settings import Settings
from relay.domain.events import Milestone

Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]
Written = Callable[[str], Path]

CNPJ = "12.ABC.345/01DE-35"
SECOND = {"ACCOUNTS__BETA__APP_KEY": "k", "ACCOUNTS__BETA__APP_TOKEN": "t"}
SLOW = {"CONTRACTS__SLOW__ADAPTER": "x", "CONTRACTS__SLOW__VERIFICATION": "none"}


def test_a_contract_without_a_secret_is_refused(found: Found) -> None:
    finding = found(CONTRACTS__SWIFT__SECRET=None)["contracts.swift.secret"]
    assert finding.wrong == "required"
    assert "RELAY_CONTRACTS__SWIFT__SECRET (or secret_file" in finding.hint
    assert 'verification = "none"' in finding.hint


def test_an_empty_secret_in_the_file_is_no_secret(
    found: Found, written: Written
) -> None:
    file = written('[contracts.swift]\nsecret = ""\n')
    assert "contracts.swift.secret" in found(file, CONTRACTS__SWIFT__SECRET=None)


def test_a_mistyped_secret_is_pointed_at(found: Found) -> None:
    findings = found(CONTRACTS__SWIFT__SECRET=None, CONTRACTS__SWIFT__SECRT="x")
    finding = findings["contracts.swift.secret"]
    assert finding.hint == "did you write `secrt` for `secret`?"


def test_a_contract_may_say_that_anybody_may_send(loaded: Loaded) -> None:
    assert loaded(**SLOW).contract_for("slow").secrets == ()


def test_a_secret_in_the_address_is_needed_for_it(found: Found, loaded: Loaded) -> None:
    url = {"CONTRACTS__SWIFT__VERIFICATION": "url"}
    assert "contracts.swift.url_secret" in found(**url)
    long = "0123456789abcdef"
    settings = loaded(**url, CONTRACTS__SWIFT__URL_SECRET=long)
    assert settings.contract_for("swift").url_secrets == (long,)


@pytest.mark.parametrize("text", ["0123456789abcde", "0123456789abcde/", "x" * 201])
def test_a_secret_in_the_address_is_long_and_plain(found: Found, text: str) -> None:
    findings = found(
        CONTRACTS__SWIFT__VERIFICATION="url", CONTRACTS__SWIFT__URL_SECRET=text
    )
    wrong = findings["CONTRACTS__SWIFT__URL_SECRET"].wrong
    assert wrong == "must be 16 to 200 letters, digits, '-' and '_'"


def test_a_secret_in_the_address_without_its_verification_is_refused(
    found: Found,
) -> None:
    findings = found(CONTRACTS__SWIFT__URL_SECRET="0123456789abcdef")
    assert 'verification is not "url"' in findings["CONTRACTS__SWIFT__URL_SECRET"].wrong


@pytest.mark.parametrize("name", ["1st", "_x", "x_", "x-y", "relay", "a..b"])
def test_a_name_that_no_variable_or_address_can_hold_is_refused(
    found: Found, written: Written, name: str
) -> None:
    table = f'[contracts."{name}"]\nadapter = "x"\nverification = "none"\n'
    findings = found(written(table))
    assert findings.keys() == {f"contracts.{name}"}


def test_a_name_inside_a_table_must_be_its_own(found: Found, written: Written) -> None:
    findings = found(written('[contracts.swift]\nname = "other"\n'))
    assert findings["contracts.swift.name"].wrong == "not the table's name"


def test_what_is_no_field_is_an_option_of_the_adapter(
    environ: dict[str, str], written: Written
) -> None:
    file = written(
        "[contracts.swift]\nevery = 3\n"
        '[contracts.swift.fields]\ncity = "c"\n'
        '[contracts.swift.options]\nsecret_name = "n"\n'
    )
    options = load(file, environ).contract_options("swift")
    assert options.options == {"every": 3, "fields": {"city": "c"}, "secret_name": "n"}
    assert (options.name, options.secrets) == ("swift", ("the-secret-of-swift",))


def test_options_that_are_no_table_are_refused(found: Found) -> None:
    assert "CONTRACTS__SWIFT__OPTIONS" in found(
        CONTRACTS__SWIFT__OPTIONS="5", CONTRACTS__SWIFT__X="y"
    )


def test_code_rows_are_checked_and_handed_over_as_written(
    environ: dict[str, str], written: Written
) -> None:
    file = written(
        '[contracts.swift.codes]\n01 = { milestone = "lost", final = true }\n'
        'Ret = { milestone = "in_transit", effect = "rollback", undoes = ["01"] }\n'
    )
    settings = load(file, environ)
    assert settings.contract_for("swift").codes["01"].milestone is Milestone.LOST
    assert settings.contract_options("swift").codes == {
        "01": {"milestone": "lost", "final": True},
        "Ret": {"milestone": "in_transit", "effect": "rollback", "undoes": ["01"]},
    }


def test_a_wrong_code_row_is_named(found: Found, written: Written) -> None:
    rows = '01 = { milestone = "lots" }\n02 = { milstone = "lost" }\n'
    findings = found(written(f"[contracts.swift.codes]\n{rows}"))
    assert findings.keys() == {
        "contracts.swift.codes.01.milestone",
        "contracts.swift.codes.02.milstone",
    }
    assert "'lost'" in findings["contracts.swift.codes.01.milestone"].hint


def test_a_code_with_a_dot_needs_quotes(found: Found, written: Written) -> None:
    row = '{ milestone = "lost" }'
    rows = f"4002.0 = {row}\n4002.1 = {row}\nA.B.C = {row}\nD.1 = {{}}\n"
    findings = found(written(f"[contracts.swift.codes]\n{rows}"))
    assert {key: f.hint for key, f in findings.items()} == {
        f"contracts.swift.codes.{code}": f'quote the code: "{code}"'
        for code in ("4002.0", "4002.1", "A.B.C", "D.1")
    }


def test_what_a_code_row_may_hold_is_said(found: Found, written: Written) -> None:
    file = written('[contracts.swift.codes]\n01 = { milestone = "lost", hue = 1 }\n')
    hint = found(file)["contracts.swift.codes.01.hue"].hint
    assert hint.startswith("remove it; known here: comment, effect, final, ")


def test_a_wrong_zone_is_repeated_with_the_one_that_was_meant(found: Found) -> None:
    finding = found(CONTRACTS__SWIFT__ZONE="Mexico/City")["CONTRACTS__SWIFT__ZONE"]
    assert finding.wrong == "unknown time zone 'Mexico/City'"
    assert finding.hint == 'write for example "America/Mexico_City"'


def test_an_adapter_is_told_which_keys_every_contract_has(loaded: Loaded) -> None:
    settings = loaded().contract_options("swift").settings
    assert "poll_spacing_seconds" in settings
    assert not settings & {"name", "options"}


def test_tax_ids_are_checked_and_normalised(loaded: Loaded, found: Found) -> None:
    contract = loaded(CONTRACTS__SWIFT__TAX_IDS=CNPJ.lower()).contract_for("swift")
    assert contract.tax_ids == ("12ABC34501DE35",)
    finding = found(CONTRACTS__SWIFT__TAX_IDS="12.ABC.345/01DE-36")
    assert "check digits" in finding["CONTRACTS__SWIFT__TAX_IDS"].wrong


def test_two_contracts_of_an_account_do_not_answer_for_the_same_carrier(
    found: Found,
) -> None:
    findings = found(
        **SLOW,
        CONTRACTS__SWIFT__TAX_IDS=CNPJ,
        CONTRACTS__SLOW__TAX_IDS=CNPJ,
        CONTRACTS__SWIFT__COURIER_NAMES="The  Carrier",
        CONTRACTS__SLOW__COURIER_NAMES="the carrier,other",
    )
    assert {f.wrong for f in findings.values()} == {
        "contracts.slow has the same one for account acme",
    }
    assert findings.keys() == {
        "CONTRACTS__SWIFT__TAX_IDS",
        "CONTRACTS__SWIFT__COURIER_NAMES",
    }


def test_contracts_of_different_accounts_may_be_with_the_same_carrier(
    loaded: Loaded,
) -> None:
    settings = loaded(
        **SECOND,
        **SLOW,
        CONTRACTS__SWIFT__TAX_IDS=CNPJ,
        CONTRACTS__SLOW__TAX_IDS=CNPJ,
        CONTRACTS__SWIFT__ACCOUNT="acme",
        CONTRACTS__SLOW__ACCOUNT="beta",
    )
    assert settings.contract_for("slow").tax_ids


def test_with_several_accounts_a_contract_says_which(
    found: Found, loaded: Loaded
) -> None:
    findings = found(**SECOND)
    assert findings["contracts.swift.account"].hint == "use one of acme, beta"
    settings = loaded(**SECOND, CONTRACTS__SWIFT__ACCOUNTS="beta,acme")
    contract = settings.contract_for("swift")
    assert (contract.account, contract.accounts) == ("beta", ("beta", "acme"))


def test_the_default_account_is_the_first_of_all(loaded: Loaded) -> None:
    contract = loaded(
        **SECOND,
        CONTRACTS__SWIFT__ACCOUNTS="beta,acme",
        CONTRACTS__SWIFT__ACCOUNT="acme",
    ).contract_for("swift")
    assert (contract.account, contract.accounts) == ("acme", ("acme", "beta"))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("acne", "did you mean `acme`?"),
        ("zeta", "set accounts.zeta.app_key in relay.toml"),
    ],
)
def test_an_account_that_is_not_there_is_named(
    found: Found, name: str, hint: str
) -> None:
    finding = found(CONTRACTS__SWIFT__ACCOUNT=name)["CONTRACTS__SWIFT__ACCOUNT"]
    assert finding.wrong == f"unknown account {name!r}"
    assert finding.hint.startswith(hint)


def test_a_contract_without_any_account_is_refused(found: Found) -> None:
    findings = found(ACCOUNTS__ACME__APP_KEY=None, ACCOUNTS__ACME__APP_TOKEN=None)
    assert findings["contracts.swift.account"].wrong == "no account is configured"


def test_zone_and_expiry_are_taken_over_unless_they_are_set(loaded: Loaded) -> None:
    theirs = loaded(ACCOUNTS__ACME__ZONE="America/Lima", RETENTION__EXPIRE_DAYS="5")
    contract = theirs.contract_for("swift")
    assert (contract.zone, contract.expire_days) == (
        ZoneInfo("America/Lima"),
        timedelta(days=5),
    )
    own = loaded(
        ACCOUNTS__ACME__ZONE="America/Lima",
        CONTRACTS__SWIFT__ZONE="UTC",
        CONTRACTS__SWIFT__EXPIRE_DAYS="7",
    ).contract_for("swift")
    assert (own.zone, own.expire_days) == (ZoneInfo("UTC"), timedelta(days=7))


GOOD_URL = "https://x.example/{tracking_number}?nfe={invoice_key}"


def test_a_tracking_address_holds_known_placeholders(loaded: Loaded) -> None:
    contract = loaded(CONTRACTS__SWIFT__TRACKING_URL=GOOD_URL).contract_for("swift")
    assert contract.tracking_url == GOOD_URL


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("https://x.example/{order}", "unknown placeholder"),
        ("https://x.example/{}", "unknown placeholder"),
        ("https://x.example/{tracking_number!r}", "unknown placeholder"),
        ("https://x.example/{tracking_number:5}", "unknown placeholder"),
        ("https://x.example/{", "unbalanced braces"),
        ("ftp://x.example/", "must start with https:// and a host"),
        ("x.example", "must start with https:// and a host"),
        ("https://[x/", "invalid address"),
    ],
)
def test_another_tracking_address_is_refused(
    found: Found, text: str, wrong: str
) -> None:
    finding = found(CONTRACTS__SWIFT__TRACKING_URL=text)
    assert finding["CONTRACTS__SWIFT__TRACKING_URL"].wrong == wrong


def test_a_contract_can_be_made_in_code() -> None:
    contract = ContractSettings.model_validate(
        {"name": "x", "adapter": "a", "verification": "none", "zone": ZoneInfo("UTC")}
    )
    assert contract.for_adapter().zone == ZoneInfo("UTC")
    assert ContractSettings.model_validate(contract) is contract
    again = Settings.model_validate({"contracts": {"x": contract}, "accounts": ACME})
    assert again.contract_for("x").account == "acme"


ACME = {"acme": {"app_key": "k", "app_token": "t"}}
