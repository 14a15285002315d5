"""Settings from environment variables: `RELAY_CONTRACTS__ME__SECRET` and the like.

Two underscores stand between levels. Names are written in lower case; in the
name of an account `_` stands for `-`, which no variable can hold. A variable
that is set to nothing counts as not set, but its name must be right.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from relay.adapters.options import closest
from relay.config.problems import SettingsProblem, variable
from relay.config.schema import (
    SECTIONS,
    TABLES,
    KeyPath,
    is_secret,
    is_table,
    keys,
    model_at,
)
from relay.config.schema import KeyPath as Key

FILE: Final = "_file"
UNREAD: Final = "secret-that-could-not-be-read-"
"""Begins what stands in for such a secret, so that it is not found missing, too."""


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return *below* with *above* laid over it, table by table."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return result


def reveal(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of *below* under *above*.

    `secret` above covers `secret_file` below, and the other way round.
    """
    stems = {key.removesuffix(FILE) for key in above}
    left: dict[str, Any] = {}
    for key, value in below.items():
        over = above.get(key)
        if isinstance(value, Mapping) and isinstance(over, Mapping):
            left[key] = reveal(value, over)
        elif key.removesuffix(FILE) not in stems:
            left[key] = value
    return left


@dataclass(slots=True)
class SecretFiles:
    """Puts the content of secret files into settings; collects what is wrong.

    Relative paths start from *folder*.
    """

    folder: Path
    findings: list[SettingsProblem] = field(default_factory=list)
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
            hint = f"keep {key}, or let {path[-1]} name a file with the secret alone"
            self.findings.append(SettingsProblem(dotted, wrong, hint))
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


PREFIX: Final = "RELAY_"
CONFIG: Final = "RELAY_CONFIG"
"""Names the file; it is the one variable that is not a setting."""
_INJECTED: Final = re.compile(
    r"RELAY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_[A-Z]+(_[A-Z]+)?)"
)
"""What Kubernetes puts into every pod beside a service called relay."""
_SERVICE_PORT: Final = re.compile(r"(tcp|udp|sctp)://")


@dataclass(slots=True)
class Environment:
    """What the variables say, which one said it, and which are wrong."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    findings: list[SettingsProblem] = field(default_factory=list)

    def take(self, name: str, text: str) -> None:
        """Take over the variable *name*, unless it is wrong."""
        path = path_of(name)
        finding = _misplaced(name, path)
        if finding is None and text and is_table(path):
            finding = self._take_table(name, path, text)
        elif finding is None and text:
            self._put(name, path, text)
        if finding is not None:
            self.findings.append(finding)

    def _take_table(
        self, name: str, path: KeyPath, text: str
    ) -> SettingsProblem | None:
        try:
            table = json.loads(text)
        except ValueError:
            table = None
        if not isinstance(table, dict):
            hint = f"write an object, or one variable per key: {name}__..."
            return SettingsProblem(
                name, "it stands for a table and is no JSON object", hint
            )
        self._put(name, path, table)
        return None

    def _put(self, name: str, path: KeyPath, value: Any) -> None:
        self.origins[path] = name
        for part in reversed(path):
            value = {part: value}
        self.values = merge(self.values, value)


def from_environment(environ: Mapping[str, str]) -> Environment:
    """Read the variables of *environ* that begin with `RELAY_`, whole tables first."""
    found = Environment()
    for name in sorted(_ours(environ), key=lambda name: (name.count("__"), name)):
        found.take(name, environ[name])
    return found


def _ours(environ: Mapping[str, str]) -> Iterator[str]:
    for name, text in environ.items():
        upper = name.upper()
        injected = _INJECTED.fullmatch(upper) or _SERVICE_PORT.match(text)
        if upper.startswith(PREFIX) and upper != CONFIG and not injected:
            yield name


def path_of(name: str) -> KeyPath:
    """Return the path of the setting that the variable *name* carries."""
    parts = name[len(PREFIX) :].lower().split("__")
    if parts[0] == "accounts" and len(parts) > 1:
        parts[1] = parts[1].replace("_", "-")
    return tuple(parts)


def _misplaced(name: str, path: KeyPath) -> SettingsProblem | None:
    """Say what is wrong with the name of a variable, if anything is."""
    if len(path) > 3 and path[0] == "contracts" and path[2] == "codes":  # noqa: PLR2004
        hint = f"write them all into {variable(path[:3])}, as a JSON object"
        return SettingsProblem(name, "a variable's name has no case, codes have", hint)
    if _is_known(path):
        return None
    meant = closest(name.upper(), _candidates(path), cutoff=0.8)
    hint = f"is {meant} meant?" if meant else "remove it; `relay init` lists all"
    return SettingsProblem(name, "there is no such setting", hint)


def _is_known(path: KeyPath) -> bool:
    if not all(path):
        return False
    if is_table(path):
        return True
    model = model_at(path[:-1])
    if model is not None and path[-1] in keys(model):
        return True
    return _is_option(path)


def _is_option(path: KeyPath) -> bool:
    """Whether *path* leads to an option of a contract's adapter."""
    if path[0] != "contracts" or len(path) < 3:  # noqa: PLR2004 -- contract, name, key
        return False
    ours = keys(TABLES["contracts"]) - {"options"}
    return len(path) == 3 or path[2] not in ours  # noqa: PLR2004


def _candidates(path: KeyPath) -> Iterator[str]:
    """Yield variables that may have been meant, with the names that *path* holds."""
    tables: list[KeyPath] = [(), *((section,) for section in SECTIONS)]
    tables += [(table, name) for table in TABLES for name in _names(path, table)]
    for table in tables:
        model = model_at(table)
        yield from () if model is None else (variable((*table, k)) for k in keys(model))


def _names(path: KeyPath, table: str) -> Iterator[str]:
    """Yield the name after *table*, also where one underscore stood for two."""
    if len(path) > 1:
        yield path[1]
    squeezed = "_".join(path)
    for key in keys(TABLES[table]):
        if squeezed.startswith(f"{table}_") and squeezed.endswith(f"_{key}"):
            yield squeezed[len(table) + 1 : -len(key) - 1]
