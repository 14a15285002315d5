"""`relay users add`: what it prints is what the settings take."""

import tomllib

import pytest
from argon2 import PasswordHasher

from relay.config.users import ConsoleUser, UserRole
from relay.errors import InvalidLabel
from tests.cli.conftest import Cli

PASSWORD = "correct horse battery"


def test_it_prints_the_table_to_add(cli: Cli) -> None:
    ran = cli("users", "add", "maria", "--role", "act", "--password", PASSWORD)
    assert ran.exit_code == 0, ran.output
    table = tomllib.loads(ran.stdout)["users"]["maria"]
    assert PASSWORD not in ran.stdout
    user = ConsoleUser.model_validate({"name": "maria"} | table)
    assert (user.role, user.may_act) == (UserRole.ACT, True)
    assert PasswordHasher().verify(str(user.password_hash), PASSWORD)


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [("Maria", PASSWORD, "invalid name"), ("maria", "short", "12 characters")],
)
def test_a_bad_name_or_password_is_refused(
    cli: Cli, name: str, password: str, said: str
) -> None:
    ran = cli("users", "add", name, "--password", password)
    assert isinstance(ran.exception, InvalidLabel)
    assert said in str(ran.exception)
