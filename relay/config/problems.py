"""What is wrong with the settings: every finding, by key, with the way out."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from relay.errors import ConfigurationError

FILE = "relay.toml"


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """One wrong setting: its dotted path or variable, what is wrong, what to do."""

    key: str
    wrong: str
    hint: str

    def __str__(self) -> str:
        return f"{self.key}: {self.wrong}; {self.hint}"


class InvalidSettings(ConfigurationError):
    """The settings cannot be used; the message lists every finding."""

    def __init__(self, findings: Iterable[SettingsProblem]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        head = "1 setting is wrong" if count == 1 else f"{count} settings are wrong"
        super().__init__("\n".join([f"{head}:", *(f"  {f}" for f in self.findings)]))


def problem(message: str, hint: str, *, field: str = "") -> PydanticCustomError:
    """Make the error that a validator raises.

    *field* names the field at fault where a validator looks at a whole table.
    """
    context = {"message": message, "hint": hint, "field": field}
    return PydanticCustomError("setting", "{message}", context)


def variable(path: Iterable[str]) -> str:
    """Return the environment variable that carries the setting at *path*."""
    parts = (part.replace("-", "_").upper() for part in path)
    return "RELAY_" + "__".join(parts)


def set_it(path: Iterable[str]) -> str:
    """Say where the setting at *path* can be set."""
    parts = tuple(path)
    return f"set {'.'.join(parts)} in {FILE}, or the variable {variable(parts)}"
