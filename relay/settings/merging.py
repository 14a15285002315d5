"""Lays one table of settings over another, and fetches secrets from their files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from relay.settings.findings import Finding
from relay.settings.schema import Path as Key
from relay.settings.schema import is_secret

FILE: Final = "_file"
UNREAD: Final = "secret-that-could-not-be-read-"
"""Begins what stands in for such a secret, so that it is not found missing, too."""


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return *below* with *above* laid over it, table by table."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def uncovered(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of *below* under *above*.

    `secret` above covers `secret_file` below, and the other way round.
    """
    stems = {key.removesuffix(FILE) for key in above}
    left: dict[str, Any] = {}
    for key, value in below.items():
        over = above.get(key)
        if isinstance(value, Mapping) and isinstance(over, Mapping):
            left[key] = uncovered(value, over)
        elif key.removesuffix(FILE) not in stems:
            left[key] = value
    return left


@dataclass(slots=True)
class SecretFiles:
    """Puts the content of secret files into settings; collects what is wrong.

    Relative paths start from *folder*.
    """

    folder: Path
    findings: list[Finding] = field(default_factory=list)
    named: list[Path] = field(default_factory=list)

    def fetched(self, table: Mapping[str, Any], path: Key = ()) -> dict[str, Any]:
        """Return *table*, found at *path*, with `x` where it has `x_file`."""
        result: dict[str, Any] = {}
        for key, value in table.items():
            here = (*path, key)
            if isinstance(value, Mapping) and here[2:3] != ("codes",):
                result[key] = self.fetched(value, here)
            elif _names_secret_file(here):
                self._fetch(str(value), here, table, result)
            else:
                result[key] = value
        return result

    def _fetch(
        self, name: str, path: Key, table: Mapping[str, Any], result: dict[str, Any]
    ) -> None:
        """Write the secret in the file *name* into *result*, under its own key."""
        key, dotted = path[-1].removesuffix(FILE), ".".join(path)
        self.named.append(self.folder / name)
        secret, wrong = _content(self.folder / name)
        if key in table:
            wrong = f"{key} is given as well"
        if wrong:
            way_out = f"keep {key}, or let {path[-1]} name a file with the secret alone"
            self.findings.append(Finding(dotted, wrong, way_out))
        if secret or key != "database":
            result[key] = secret or UNREAD + dotted.replace(".", "-")


def _names_secret_file(path: Key) -> bool:
    """Whether the key at *path* names a file: any such option of an adapter does."""
    key = path[-1].removesuffix(FILE)
    if key == path[-1] or not key:
        return False
    option = path[0] == "contracts" and len(path) > 2  # noqa: PLR2004 -- name and key
    return option or is_secret((*path[:-1], key))


def _content(path: Path) -> tuple[str, str]:
    """Return the secret in the file at *path*, or an empty one and the reason."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        return "", f"the file {path} cannot be read ({error.strerror})"
    except ValueError:
        return "", f"the file {path} holds no text"
    return text, "" if text else f"the file {path} is empty"
