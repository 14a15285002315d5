"""The table of commands: what help says is what the functions say."""

import inspect
from importlib import import_module

import pytest

from relay.cli import LazyCommand
from relay.cli.command_table import COMMANDS, GROUPS


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_is_a_function_whose_first_line_is_its_summary(path: str) -> None:
    target, summary = COMMANDS[path]
    module, _, function = target.partition(":")
    found = getattr(import_module(f"relay.cli.{module}"), function)
    first = (inspect.getdoc(found) or "").partition("\n")[0]
    assert first == summary
    loaded = LazyCommand(path).load()
    assert loaded.name == path.rpartition(" ")[2]


def test_every_group_has_commands() -> None:
    groups = {path.partition(" ")[0] for path in COMMANDS if " " in path}
    assert groups == set(GROUPS)
