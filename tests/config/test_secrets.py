from collections.abc import Callable
from pathlib import Path

import pytest

from relay.config.load import load
from relay.config.problems import InvalidSettings, SettingsProblem
from relay.config.settings import Settings

Environ = dict[str, str]
Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]
Written = Callable[[str], Path]

CONTRACT = '[contracts.swift]\nadapter = "generic"\n'


def test_a_secret_can_come_from_a_file(
    environ: Environ, folder: Path, written: Written
) -> None:
    del environ["RELAY_CONTRACTS__SWIFT__SECRET"]
    (folder / "deep").mkdir()
    (folder / "deep" / "secret").write_text(" from a file\n", encoding="utf-8")
    file = written(CONTRACT + 'secret_file = "secret"\n').rename(folder / "deep/r.toml")
    assert load(file, environ).contract_for("swift").secrets == ("from a file",)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_secret_file_saved_by_windows_is_read(
    loaded: Loaded, folder: Path, codec: str
) -> None:
    (folder / "pw").write_bytes("postgresql://me:ç@db/relay\r\n".encode(codec))
    assert loaded(DATABASE_FILE="pw").database == "postgresql://me:ç@db/relay"


def test_a_variable_names_a_secrets_file(loaded: Loaded, folder: Path) -> None:
    (folder / "pw").write_text("postgresql://me:pw@db/relay", encoding="utf-8")
    assert loaded(DATABASE_FILE="pw").database == "postgresql://me:pw@db/relay"


def test_an_option_of_the_adapter_can_come_from_a_file(
    loaded: Loaded, folder: Path
) -> None:
    (folder / "pw").write_text("sesame\n", encoding="utf-8")
    settings = loaded(
        CONTRACTS__SWIFT__API_TOKEN_FILE="pw",
        CONTRACTS__SWIFT__LOGIN__PASSWORD_FILE="pw",
    )
    assert settings.contract_options("swift").options == {
        "api_token": "sesame",
        "login": {"password": "sesame"},
    }


def test_a_code_may_end_like_a_secrets_file(loaded: Loaded) -> None:
    codes = '{"LOST_FILE": {"milestone": "unknown"}}'
    contract = loaded(CONTRACTS__SWIFT__CODES=codes).contract_for("swift")
    assert contract.codes.keys() == {"LOST_FILE"}


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "cannot read pw (No such file or directory)"),
        (b" \n", "pw is empty"),
        (b"\xff\xf0", "pw is not UTF-8 text"),
        (b"\xff\xfe", "pw is empty"),
    ],
)
def test_a_secrets_file_without_a_secret_is_named(
    found: Found, folder: Path, content: bytes | None, wrong: str
) -> None:
    if content is not None:
        (folder / "pw").write_bytes(content)
    findings = found(
        CONTRACTS__SWIFT__SECRET=None,
        CONTRACTS__SWIFT__SECRET_FILE=str(folder / "pw"),
        DATABASE_FILE="pw",
    )
    assert findings.keys() == {"CONTRACTS__SWIFT__SECRET_FILE", "DATABASE_FILE"}
    assert findings["DATABASE_FILE"].wrong == wrong
    hint = "use secret, or a file that contains only the secret"
    assert findings["CONTRACTS__SWIFT__SECRET_FILE"].hint == hint


def test_two_unreadable_tokens_are_not_taken_for_the_same(found: Found) -> None:
    findings = found(
        TOKENS__A__TOKEN_FILE="x",
        TOKENS__B__TOKEN_FILE="x",
        TOKENS__A__SCOPES="erp",
        TOKENS__B__SCOPES="erp",
    )
    assert findings.keys() == {"TOKENS__A__TOKEN_FILE", "TOKENS__B__TOKEN_FILE"}


def test_a_secret_given_twice_is_refused(found: Found, folder: Path) -> None:
    (folder / "pw").write_text("sesame", encoding="utf-8")
    finding = found(CONTRACTS__SWIFT__SECRET_FILE="pw")["CONTRACTS__SWIFT__SECRET_FILE"]
    assert finding.wrong == "secret is set as well"


def test_what_is_wrong_with_a_files_content_is_told_by_the_file(
    found: Found, folder: Path
) -> None:
    (folder / "pw").write_text("too short", encoding="utf-8")
    findings = found(
        CONTRACTS__SWIFT__URL_SECRET_FILE="pw", CONTRACTS__SWIFT__VERIFICATION="url"
    )
    assert findings.keys() == {"CONTRACTS__SWIFT__URL_SECRET_FILE"}


@pytest.mark.parametrize("below", ['secret = "old"\n', 'secret_file = "gone"\n'])
@pytest.mark.parametrize("form", ["SECRET", "SECRET_FILE"])
def test_a_variable_covers_either_form_in_the_file(
    environ: Environ, folder: Path, written: Written, below: str, form: str
) -> None:
    del environ["RELAY_CONTRACTS__SWIFT__SECRET"]
    (folder / "pw").write_text("pw", encoding="utf-8")
    environ[f"RELAY_CONTRACTS__SWIFT__{form}"] = "pw"
    settings = load(written(CONTRACT + below), environ)
    assert settings.contract_for("swift").secrets == ("pw",)


def test_two_secrets_are_valid_while_one_is_replaced(loaded: Loaded) -> None:
    settings = loaded(CONTRACTS__SWIFT__PREVIOUS_SECRET="the-old-one")
    expected = ("the-secret-of-swift", "the-old-one")
    assert settings.contract_options("swift").secrets == expected


SECRETS = {
    "DATABASE": "postgresql://relay:pass%2Fword@db/relay",
    "ACCOUNTS__ACME__APP_KEY": "vtexappkey-acme-HIDDEN",
    "ACCOUNTS__ACME__APP_TOKEN": "hidden-app-token",
    "CONTRACTS__SWIFT__SECRET": "hidden-secret",
    "CONTRACTS__SWIFT__PREVIOUS_SECRET": "hidden-previous",
    "CONTRACTS__SWIFT__API_TOKEN": "hidden-api-token",
    "CONTRACTS__SWIFT__LOGIN__PASSWORD": "hidden-password",
    "CONTRACTS__URLY__ADAPTER": "generic",
    "CONTRACTS__URLY__VERIFICATION": "url",
    "CONTRACTS__URLY__URL_SECRET": "hidden-in-the-address",
    "CONTRACTS__URLY__PREVIOUS_URL_SECRET": "hidden-in-the-old-address",
    "TOKENS__ERP__TOKEN": "hidden-token-of-the-erp-program",
    "TOKENS__ERP__SCOPES": "erp",
}
HIDDEN = [text for text in SECRETS.values() if "hidden" in text.lower()]


def test_no_secret_shows_where_settings_are_shown(loaded: Loaded) -> None:
    settings = loaded(**SECRETS)
    for shown in (repr(settings), str(settings), f"{settings.contracts}"):
        assert not [text for text in (*HIDDEN, "pass%2Fword") if text in shown]


def test_no_secret_shows_where_settings_are_refused(environ: Environ) -> None:
    changed = environ | {f"RELAY_{key}": text for key, text in SECRETS.items()}
    for broken in changed:
        wrong = {**changed, broken + "S": changed[broken], "RELAY_LISTEN": HIDDEN[0]}
        wrong["RELAY_CONTRACTS__SWIFT__VERIFICATION"] = HIDDEN[1]
        wrong["RELAY_CONTRACTS__URLY__URL_SECRET"] = "!" + HIDDEN[4]
        wrong["RELAY_TOKENS__ERP__SCOPES"] = HIDDEN[5]
        wrong["RELAY_PUBLIC_URL"] = "https://me:hidden-password@x"
        with pytest.raises(InvalidSettings) as caught:
            load(None, wrong)
        assert not [text for text in HIDDEN if text in str(caught.value)]


def test_all_secret_texts_are_known_to_be_kept_out_of_logs(loaded: Loaded) -> None:
    settings = loaded(**SECRETS)
    token = SECRETS["TOKENS__ERP__TOKEN"]
    assert settings.secret_values() == {
        *(text for text in HIDDEN if text != token),
        "pass%2Fword",
        "pass/word",
    }
    assert token not in settings.model_dump_json()


def test_options_that_are_no_secrets_are_not_kept_out(loaded: Loaded) -> None:
    settings = loaded(CONTRACTS__SWIFT__CITY="place.city", CONTRACTS__SWIFT__KEYS="[1]")
    assert "place.city" not in settings.secret_values()
