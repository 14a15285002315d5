"""Problems in the settings: every one by its key, with a hint how to fix it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from relay.errors import ConfigurationError

FILE = "relay.toml"


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """One wrong setting: its dotted path or variable, what is wrong, and a hint."""

    key: str
    wrong: str
    hint: str

    def __str__(self) -> str:
        return f"{self.key}: {'; '.join(filter(None, (self.wrong, self.hint)))}"


class InvalidSettings(ConfigurationError):
    """The settings cannot be used; the message lists every problem."""

    def __init__(self, findings: Iterable[SettingsProblem]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        head = "1 invalid setting" if count == 1 else f"{count} invalid settings"
        super().__init__("\n".join([f"{head}:", *(f"  {f}" for f in self.findings)]))


def variable(path: Iterable[str]) -> str:
    """Return the environment variable that carries the setting at *path*."""
    parts = (part.replace("-", "_").upper() for part in path)
    return "RELAY_" + "__".join(parts)


def unreadable_hint(file: Path) -> str:
    """Return how to make a settings file readable; it is never to be replaced."""
    return f"run `chmod 600 {file}` as its owner, or run this as its owner"


def set_it(path: Iterable[str]) -> str:
    """Return the hint where to set the setting at *path*."""
    parts = tuple(path)
    return f"set {'.'.join(parts)} in {FILE}, or the variable {variable(parts)}"
