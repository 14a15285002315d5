from collections.abc import Callable
from pathlib import Path

import pytest

from relay.config.account import ApiToken, Scope, hash_token
from relay.config.problems import SettingsProblem
from relay.config.settings import Settings

Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]

ERP = "0123456789abcdef01234567"
OPERATOR = "operator-0123456789abcdef"


def test_a_token_is_kept_as_its_hash(loaded: Loaded) -> None:
    settings = loaded(TOKENS__ERP__TOKEN=ERP, TOKENS__ERP__SCOPES="erp")
    assert settings.tokens["erp"].hash == hash_token(ERP)
    assert ERP not in settings.model_dump_json()


def test_a_presented_token_finds_its_holder(loaded: Loaded) -> None:
    settings = loaded(
        TOKENS__ERP__TOKEN=ERP,
        TOKENS__ERP__SCOPES="erp",
        TOKENS__ERP__ACCOUNTS="acme",
        TOKENS__OPS__HASH=hash_token(OPERATOR),
        TOKENS__OPS__SCOPES='["operator", "metrics"]',
    )
    erp, operator = settings.token_for(ERP), settings.token_for(OPERATOR)
    assert erp is not None
    assert operator is not None
    assert (erp.name, operator.name) == ("erp", "ops")
    assert (erp.may(Scope.ERP), erp.may(Scope.METRICS)) == (True, False)
    assert (operator.may(Scope.ERP), operator.may(Scope.METRICS)) == (False, True)
    assert (erp.sees("acme"), erp.sees("beta")) == (True, False)
    assert operator.sees("beta")


@pytest.mark.parametrize("presented", ["", "wrong", "ção\udcff", hash_token(ERP)])
def test_another_token_finds_nobody(loaded: Loaded, presented: str) -> None:
    settings = loaded(TOKENS__ERP__TOKEN=ERP, TOKENS__ERP__SCOPES="erp")
    assert settings.token_for(presented) is None
    assert Settings().token_for(presented) is None


@pytest.mark.parametrize(
    ("keys", "key", "wrong"),
    [
        ({"TOKEN": "short"}, "TOKEN", "shorter than 24 characters"),
        ({"HASH": "md5:0"}, "HASH", "not a token's hash"),
        ({"ACCOUNTS": "acme"}, "", "required"),
        (
            {"TOKEN": ERP, "HASH": hash_token(ERP)},
            "TOKEN",
            "token and hash are both set",
        ),
        ({"TOKEN": ERP, "ACCOUNTS": "acne"}, "ACCOUNTS", "unknown account 'acne'"),
        (
            {"TOKEN": ERP, "SCOPES": "all"},
            "SCOPES",
            "unknown value",
        ),
        ({"TOKEN": ERP, "SCOPES": ","}, "SCOPES", "must not be empty"),
    ],
)
def test_a_token_that_cannot_be_used_is_refused(
    found: Found, keys: dict[str, str], key: str, wrong: str
) -> None:
    given = {f"TOKENS__ERP__{k}": v for k, v in ({"SCOPES": "erp"} | keys).items()}
    findings = found(**given)
    assert findings[f"TOKENS__ERP__{key}" if key else "tokens.erp.token"].wrong == wrong


def test_one_token_has_one_holder(found: Found) -> None:
    findings = found(
        TOKENS__A__TOKEN=ERP,
        TOKENS__A__SCOPES="erp",
        TOKENS__B__HASH=hash_token(ERP),
        TOKENS__B__SCOPES="operator",
    )
    assert findings["tokens.b"].wrong == "same token as tokens.a"


def test_a_token_can_come_from_a_file(loaded: Loaded, folder: Path) -> None:
    (folder / "erp").write_text(ERP + "\n", encoding="utf-8")
    settings = loaded(TOKENS__ERP__TOKEN_FILE="erp", TOKENS__ERP__SCOPES="erp")
    assert settings.token_for(ERP) is not None


def test_what_is_no_table_is_no_token() -> None:
    with pytest.raises(ValueError, match="valid dictionary"):
        ApiToken.model_validate("x")
