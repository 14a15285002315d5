"""The template of `relay.toml`: every key with its default, made from the models."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from relay.config.account import ApiToken
from relay.config.problems import unreadable_hint
from relay.config.quantities import Duration
from relay.config.schema import SECTIONS, TABLES
from relay.config.settings import Settings
from relay.domain.events import Value
from relay.errors import ConfigurationError

_HEAD: Final = """\
# Settings of the carrier tracking relay.
#
# A line that begins with '#' and a key shows the key's default, or an example
# where the comment says so. Environment variables override this file: the variable
# of 'contracts.mycarrier.secret' is RELAY_CONTRACTS__MYCARRIER__SECRET, that of
# 'publisher.in_flight' is RELAY_PUBLISHER__IN_FLIGHT. In the name of an account
# write '_' for '-'. Lists are separated by commas or written as JSON, tables as JSON.
#
# A secret 'x' can be in a file of its own: 'x_file' names it. A path without a
# leading '/' starts from this file's folder.
"""
_NAMES: Final = {
    "tokens": "erp",
    "accounts": "mystore",
    "contracts": "mycarrier",
    "users": "maria",
    "endpoint": "myerp",
    "outgoing": "crm",
}
_WIDTH: Final = 88
_LITERAL: Final = """\
# The token itself (example); create one with `openssl rand -hex 32`.
#token = "a-token-of-at-least-24-characters"
"""
"""`token` is replaced by its hash before validation, so it is not a field."""


def template() -> str:
    """Return a `relay.toml` with every key commented out, and its description."""
    parts = [_HEAD, "".join(_fields(Settings))]
    for name, model in SECTIONS.items():
        parts.append(f"{_title(model)}[{name}]\n{''.join(_fields(model))}")
    for name, model in TABLES.items():
        token = _LITERAL if model is ApiToken else ""
        header = f"{_title(model)}#[{name}.{_NAMES[name]}]\n"
        parts.append(header + token + "".join(_fields(model)))
    return "\n".join(parts)


def write_template(path: Path) -> None:
    """Write the template to *path*, which must not exist, readable by its owner only.

    Raises `ConfigurationError` if the file exists, or its folder does not.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            path.chmod(0o600)
            file.write(template())
    except FileExistsError:
        hint = "edit it, or name another file: `relay init FILE`"
        if not os.access(path, os.R_OK):
            hint = unreadable_hint(path)
        raise ConfigurationError(f"{path}: already exists; {hint}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _title(model: type[Value]) -> str:
    """Return a model's docstring as a comment."""
    return _comment(model.__doc__ or "")


def _fields(model: type[Value]) -> Iterator[str]:
    """Yield the description and the line of each field that has a description."""
    for name, field in model.model_fields.items():
        if not field.description:
            continue
        value, is_example = _shown(field)
        text = field.description
        if is_example:
            text = f"{text.rstrip('.')} (example)."
        extra = field.json_schema_extra
        alternative = isinstance(extra, Mapping) and extra.get("alternative")
        # Two '#': a line that contradicts another one, and stays a comment.
        mark = "##" if alternative else "#"
        yield f"{_comment(text)}{mark}{name} = {_toml(value)}\n"


def _shown(field: FieldInfo) -> tuple[Any, bool]:
    """Return the value that is shown for a field, and whether it is an example."""
    if field.examples:
        return field.examples[0], True
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined or default is None:
        raise TypeError("a field without a default needs an example")
    for unit in field.metadata:
        if isinstance(unit, Duration):
            return unit.number(default), False
    return default, False


def _comment(text: str) -> str:
    lines = wrap(" ".join(text.split()), _WIDTH - 2, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _toml(value: Any) -> str:
    """Return *value* as TOML; its strings, numbers and lists are written as in JSON."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_toml(below)}" for key, below in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(to_jsonable_python(value, fallback=str), ensure_ascii=False)
