"""`relay users`: people who may use the console."""

# ruff: noqa: PLC0415 -- each command imports its part only

from enum import StrEnum
from typing import Annotated, Final

import typer

from relay.cli.output import write_text
from relay.errors import InvalidLabel


class PersonRole(StrEnum):
    """What a person may do."""

    VIEW = "view"
    ACT = "act"


_TABLE: Final = """\
[users.{name}]
password_hash = "{hash}"
role = "{role}\""""


def add(
    name: Annotated[str, typer.Argument(help="What the person signs in with.")],
    role: Annotated[
        PersonRole, typer.Option(help="view, or act to change shipments, too.")
    ] = PersonRole.VIEW,
    password: Annotated[
        str,
        typer.Option(
            help="Asked for if it is not given; a shell keeps what is given in its "
            "history.",
            prompt=True,
            hide_input=True,
            confirmation_prompt=True,
        ),
    ] = "",
) -> None:
    """Make the settings of a person who may use the console.

    Add the lines to relay.toml; a running relay uses them at once.
    """
    from relay.config.types import NAME
    from relay.console.passwords import SHORTEST, hash_password

    if not NAME.fullmatch(name):
        raise InvalidLabel(
            "invalid name",
            field="name",
            hint="use a-z, 0-9 and single '_' between them, starting with a letter",
        )
    if len(password) < SHORTEST:
        raise InvalidLabel(
            f"shorter than {SHORTEST} characters",
            field="password",
            hint="a few words are easier to remember than signs",
        )
    write_text(_TABLE.format(name=name, hash=hash_password(password), role=role))
