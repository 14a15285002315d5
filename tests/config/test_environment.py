from collections.abc import Callable
from datetime import timedelta

import pytest

from relay.config.load import load
from relay.config.problems import SettingsProblem
from relay.config.settings import Settings

Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]


def test_names_are_the_same_in_any_case(environ: dict[str, str]) -> None:
    lower = {name.lower(): text for name, text in environ.items()}
    assert load(None, lower) == load(None, environ)


def test_an_underscore_in_an_accounts_name_stands_for_a_hyphen() -> None:
    account = load(
        None,
        {
            "RELAY_ACCOUNTS__MY_STORE__APP_KEY": "k",
            "RELAY_ACCOUNTS__MY_STORE__APP_TOKEN": "t",
        },
    ).account("my-store")
    assert account.base_url == "https://my-store.vtexcommercestable.com.br"


@pytest.mark.parametrize("text", ["a, b,", '["a", "b"]', ' ["a","b"]'])
def test_a_list_has_commas_or_is_json(loaded: Loaded, text: str) -> None:
    settings = loaded(CONTRACTS__SWIFT__COURIER_NAMES=text)
    assert settings.contract_for("swift").courier_names == ("a", "b")


def test_a_list_of_broken_json_is_named(found: Found) -> None:
    finding = found(CONTRACTS__SWIFT__COURIER_NAMES='["a", b]')
    assert finding["CONTRACTS__SWIFT__COURIER_NAMES"].wrong == "invalid JSON"
    assert finding["CONTRACTS__SWIFT__COURIER_NAMES"].hint == "fix it at character 7"


def test_a_whole_table_is_json_and_finer_variables_go_over_it(loaded: Loaded) -> None:
    settings = loaded(
        INTAKE='{"body_limit": 1, "rejected_days": 2}',
        INTAKE__BODY_LIMIT="3",
        CONTRACTS__SLOW='{"adapter": "x", "verification": "none"}',
    )
    assert (settings.intake.body_limit, settings.intake.rejected_days) == (
        3,
        timedelta(days=2),
    )
    assert settings.contract_for("slow").verification == "none"


@pytest.mark.parametrize("text", ["5", "{"])
def test_a_table_that_is_no_json_object_is_refused(found: Found, text: str) -> None:
    finding = found(CONTRACTS__SWIFT=text)["CONTRACTS__SWIFT"]
    assert finding.wrong == "must be a JSON object"
    assert "RELAY_CONTRACTS__SWIFT__..." in finding.hint


def test_a_variable_set_to_nothing_is_not_set(loaded: Loaded) -> None:
    assert loaded(LISTEN="", CONTRACTS__SWIFT__ZONE="", LOG="") == loaded()


def test_a_variable_set_to_nothing_still_needs_a_right_name(found: Found) -> None:
    assert "LISTN" in found(LISTN="")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LISTN", "LISTEN"),
        ("INTAKE_BODY_LIMIT", "INTAKE__BODY_LIMIT"),
        ("INTAKE__BODYLIMIT", "INTAKE__BODY_LIMIT"),
        ("CONTRACT__SWIFT__SECRET", "CONTRACTS__SWIFT__SECRET"),
        ("CONTRACTS_SWIFT_SECRET", "CONTRACTS__SWIFT__SECRET"),
        ("ACCOUNTS__ACME__APPKEY", "ACCOUNTS__ACME__APP_KEY"),
        ("TOKENS__ERP__TOKEN_FIL", "TOKENS__ERP__TOKEN_FILE"),
        ("DATABASE_URL", ""),
        ("CONTRACTS__SWIFT__", ""),
        ("LISTEN__X__Y", ""),
        ("ACCOUNTS__ACME__NAME", ""),
        ("ACCOUNTS__ACME__ZONE__X", "ACCOUNTS__ACME__ZONE"),
        ("CONTRACTS__SWIFT__ZONE__X", "CONTRACTS__SWIFT__ZONE"),
        ("", ""),
    ],
)
def test_an_unknown_variable_is_refused_by_name(
    found: Found, name: str, meant: str
) -> None:
    finding = found(**{name: "x"})[name]
    assert finding.wrong == "unknown setting"
    assert meant in finding.hint
    assert finding.hint.startswith("did " if meant else ("remove it", "did "))


def test_what_kubernetes_puts_there_is_passed_over(loaded: Loaded) -> None:
    injected = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "80",
        "SERVICE_PORT_HTTP": "80",
        "PORT": "tcp://10.0.0.1:80",
        "PORT_80_TCP": "tcp://10.0.0.1:80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
        "DB_SERVICE_HOST": "10.0.0.2",
    }
    assert loaded(**injected) == loaded()


def test_a_port_that_somebody_wrote_is_not_passed_over(found: Found) -> None:
    assert "PORT" in found(PORT="8080")


def test_codes_cannot_be_given_one_by_one(found: Found, loaded: Loaded) -> None:
    finding = found(CONTRACTS__SWIFT__CODES__DEL__MILESTONE="delivered")
    hint = finding["CONTRACTS__SWIFT__CODES__DEL__MILESTONE"].hint
    assert "RELAY_CONTRACTS__SWIFT__CODES, as a JSON object" in hint
    codes = '{"DEL": {"milestone": "delivered"}}'
    assert loaded(CONTRACTS__SWIFT__CODES=codes).contract_options("swift").codes == {
        "DEL": {"milestone": "delivered"}
    }


def test_options_of_the_adapter_are_text_or_json(loaded: Loaded) -> None:
    settings = loaded(
        CONTRACTS__SWIFT__FIELDS__CITY="place.city",
        CONTRACTS__SWIFT__ITEMS="[].events",
        CONTRACTS__SWIFT__SIZES="[1, 2]",
    )
    assert settings.contract_options("swift").options == {
        "fields": {"city": "place.city"},
        "items": "[].events",
        "sizes": [1, 2],
    }


def test_other_programs_variables_are_left_alone() -> None:
    assert load(None, {"PATH": "/bin", "RELAYS": "x"}) == Settings()
