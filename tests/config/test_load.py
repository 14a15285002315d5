from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from relay.config.load import load
from relay.config.problems import InvalidSettings, SettingsProblem
from relay.config.settings import Settings
from relay.errors import ConfigurationError, UnknownContract

Environ = dict[str, str]
Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]
Written = Callable[[str], Path]

FILE = """
database = "sqlite:///here.db"
[accounts.my-store]
app_key = "key-from-file"
app_token = "token-from-file"
[contracts.swift]
adapter = "generic"
secret = "secret-from-file"
courier = "Swift"
"""


def test_nothing_at_all_gives_the_defaults() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.database == "sqlite:///relay.db"
    assert settings.listen_at == ("127.0.0.1", 8080)
    assert settings.intake.body_limit == 1024 * 1024
    assert settings.publisher.deadline_seconds == timedelta(seconds=45)


def test_one_contract_needs_variables_only(environ: Environ) -> None:
    settings = load(None, environ)
    contract = settings.contract_for("swift")
    assert contract.secrets == ("the-secret-of-swift",)
    assert (contract.account, contract.accounts) == ("acme", ("acme",))
    account = settings.account("acme")
    assert account.app_key.get_secret_value() == "vtexappkey-acme-ABCDEF"
    assert account.base_url == "https://acme.vtexcommercestable.com.br"


def test_the_file_here_is_read_without_being_named(written: Written) -> None:
    written(FILE)
    assert load(None, {}).database == "sqlite:///here.db"


def test_a_variable_names_the_file(written: Written, folder: Path) -> None:
    named = written(FILE).rename(folder / "other.toml")
    assert load(None, {"RELAY_CONFIG": str(named)}).database == "sqlite:///here.db"
    assert load(None, {}).database == "sqlite:///relay.db"


def test_the_argument_goes_over_the_variable(written: Written) -> None:
    settings = load(written(FILE), {"RELAY_CONFIG": "not-there.toml"})
    assert settings.contract_for("swift").courier == "Swift"


def test_variables_go_over_the_file_key_by_key(written: Written) -> None:
    environ = {
        "RELAY_CONTRACTS__SWIFT__SECRET": "secret-from-variable",
        "RELAY_ACCOUNTS__MY_STORE__IN_FLIGHT": "9",
        "RELAY_PUBLISHER__QUIET_SECONDS": "0.5",
    }
    settings = load(written(FILE), environ)
    assert settings.contract_for("swift").secrets == ("secret-from-variable",)
    assert settings.contract_for("swift").courier == "Swift"
    assert settings.account("my-store").in_flight == 9
    assert settings.account("my-store").app_token.get_secret_value()
    assert settings.publisher.quiet_seconds == timedelta(seconds=0.5)


def test_the_same_input_gives_equal_settings(environ: Environ) -> None:
    assert load(None, environ) == load(None, dict(reversed(environ.items())))


def test_settings_cannot_be_changed(loaded: Loaded) -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded().cache_mb = 3  # type: ignore[misc]


def test_a_contract_or_account_that_is_not_there_is_an_error(loaded: Loaded) -> None:
    with pytest.raises(UnknownContract, match="slow"):
        loaded().contract_for("slow")
    with pytest.raises(
        ConfigurationError, match="unknown account 'other'; known here: acme"
    ):
        loaded().account("other")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"database = ", "invalid TOML: Invalid value (at end of document)"),
        (b"database = '\xff'", "not UTF-8 text"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    folder: Path, content: bytes | None, wrong: str
) -> None:
    file = folder / "relay.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings) as caught:
        load(file, {})
    (finding,) = caught.value.findings
    assert (finding.key, finding.wrong) == (str(file), wrong)


def test_every_finding_is_listed_with_its_way_out(
    found: Found, written: Written
) -> None:
    file = written(
        FILE + 'tax_ids = ["1"]\n[intake]\nbody_limt = 5\n[conracts.x]\nadapter = "a"\n'
    )
    findings = found(
        file,
        CONTRACTS__SWIFT__ZONE="America/Sao_Paolo",
        PUBLISHER__IN_FLIGHT="many",
        FOO="1",
    )
    assert findings.keys() == {
        "contracts.swift.tax_ids.0",
        "intake.body_limt",
        "conracts",
        "CONTRACTS__SWIFT__ZONE",
        "PUBLISHER__IN_FLIGHT",
        "FOO",
    }
    assert findings["intake.body_limt"].hint == "did you mean `body_limit`?"
    assert findings["conracts"].hint == "did you mean `contracts`?"
    assert "America/Sao_Paulo" in findings["CONTRACTS__SWIFT__ZONE"].hint
    assert findings["PUBLISHER__IN_FLIGHT"].hint == "write for example 2; default: 8"


def test_the_message_holds_every_finding(environ: Environ) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(None, environ | {"RELAY_FOO": "1", "RELAY_CACHE_MB": "0"})
    head, *lines = str(caught.value).splitlines()
    assert head == "2 invalid settings:"
    assert lines == [
        "  RELAY_FOO: unknown setting; remove it; `relay init` lists all",
        "  RELAY_CACHE_MB: too small; use 1 or more; default: 64",
    ]


def test_an_unknown_key_without_a_likeness_shows_the_known_ones(
    found: Found, written: Written
) -> None:
    finding = found(written("[log]\nzzzz = 1\n"))["log.zzzz"]
    assert finding.hint == "remove it; known here: format, level"


def test_a_value_of_another_kind_is_refused(found: Found, written: Written) -> None:
    findings = found(written('tokens = 5\nlisten = ["a"]\ncontracts.x = "y"\n'))
    assert findings.keys() >= {"tokens", "listen", "contracts.x"}


def test_a_key_that_is_missing_says_both_ways_to_give_it(found: Found) -> None:
    findings = found(
        ACCOUNTS__ACME__APP_TOKEN=None,
        ACCOUNTS__ACME__APP_KEY="",
        CONTRACTS__SWIFT__ADAPTER=None,
        ACCOUNTS__ACME__ZONE="UTC",
    )
    assert findings["accounts.acme.app_token"].hint == (
        "set accounts.acme.app_token in relay.toml, or the variable "
        "RELAY_ACCOUNTS__ACME__APP_TOKEN (or app_token_file, a file that contains it)"
    )
    assert findings["accounts.acme.app_key"].wrong == "required"
    assert findings["contracts.swift.adapter"].hint.endswith(
        "RELAY_CONTRACTS__SWIFT__ADAPTER"
    )


def test_an_empty_secret_in_the_file_is_named(found: Found, written: Written) -> None:
    finding = found(
        written(FILE.replace("key-from-file", "")), ACCOUNTS__ACME__APP_KEY=None
    )["accounts.my-store.app_key"]
    assert finding.wrong == "must not be empty"


def test_whatever_is_no_mapping_is_no_settings() -> None:
    with pytest.raises(ValueError, match="valid dict"):
        Settings.model_validate(5)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_file_saved_by_windows_is_read(folder: Path, codec: str) -> None:
    file = folder / "relay.toml"
    file.write_bytes("# São\r\ncache_mb = 8\r\n".encode(codec))
    assert load(file, {}).cache_mb == 8
