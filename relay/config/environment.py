"""Settings from environment variables, such as `RELAY_CONTRACTS__ME__SECRET`.

Two underscores separate levels. Names become lower case; in the name of an account
`_` replaces `-`, which a variable's name cannot contain. A variable with an empty
value counts as not set, but its name must be valid.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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
from relay.suggestions import did_you_mean, suggest
from relay.text import decode_text

FILE: Final = "_file"
UNREAD: Final = "secret-that-could-not-be-read-"
"""Start of the placeholder for such a secret, so that it is not reported as missing."""


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return *below* with the values of *above* in their place, table by table."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return result


def reveal(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return *below* without what *above* replaces.

    `secret` in one replaces `secret_file` in the other.
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
    """Replaces `x_file` by `x`, the content of that file; collects the problems.

    Relative paths start from *folder*.
    """

    folder: Path
    findings: list[SettingsProblem] = field(default_factory=list)
    named: list[Path] = field(default_factory=list)

    def fetched(self, table: Mapping[str, Any], path: KeyPath = ()) -> dict[str, Any]:
        """Return the *table* at *path*, with `x` in place of `x_file`."""
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
        self, name: str, path: KeyPath, table: Mapping[str, Any], result: dict[str, Any]
    ) -> None:
        """Write the secret in the file *name* into *result*, under its own key."""
        key, dotted = path[-1].removesuffix(FILE), ".".join(path)
        self.named.append(self.folder / name)
        secret, wrong = _content(self.folder / name)
        if key in table:
            wrong = f"{key} is set as well"
        if wrong:
            hint = f"use {key}, or a file that contains only the secret"
            self.findings.append(SettingsProblem(dotted, wrong, hint))
        if secret or key != "database":
            result[key] = secret or UNREAD + dotted.replace(".", "-")


def _names_secret_file(path: KeyPath) -> bool:
    """Return whether the key at *path* names a file; any `x_file` option does."""
    key = path[-1].removesuffix(FILE)
    if key == path[-1] or not key:
        return False
    option = path[0] == "contracts" and len(path) > 2  # noqa: PLR2004 -- name and key
    return option or is_secret((*path[:-1], key))


def _content(path: Path) -> tuple[str, str]:
    """Return the secret in the file at *path*, or an empty one and the reason."""
    try:
        text = decode_text(path.read_bytes())[0].strip()
    except OSError as error:
        return "", f"cannot read {path} ({error.strerror})"
    except ValueError:
        return "", f"{path} is not UTF-8 text"
    return text, "" if text else f"{path} is empty"


PREFIX: Final = "RELAY_"
CONFIG: Final = "RELAY_CONFIG"
"""Names the settings file; the only such variable that is not a setting."""
_INJECTED: Final = re.compile(
    r"RELAY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_[A-Z]+(_[A-Z]+)?)"
)
"""Variables that Kubernetes sets in every pod if a service is called `relay`.

https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""
_SERVICE_PORT: Final = re.compile(r"(tcp|udp|sctp)://")


@dataclass(slots=True)
class Environment:
    """The values of the variables, where each came from, and the problems."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    findings: list[SettingsProblem] = field(default_factory=list)

    def take(self, name: str, text: str) -> None:
        """Add the variable *name*, or the problem with it."""
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
            hint = f"write a JSON object, or one variable per key: {name}__..."
            return SettingsProblem(name, "must be a JSON object", hint)
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
    """Return the problem with the name of a variable, if there is one."""
    if len(path) > 3 and path[0] == "contracts" and path[2] == "codes":  # noqa: PLR2004
        wrong = "carrier codes are case-sensitive and cannot be part of a variable name"
        hint = f"write all codes into {variable(path[:3])}, as a JSON object"
        return SettingsProblem(name, wrong, hint)
    if _is_known(path):
        return None
    # Without the prefix, which would make all variables similar.
    known = (one.removeprefix(PREFIX) for one in _candidates(path))
    meant = suggest(name.upper().removeprefix(PREFIX), known)
    hint = (
        did_you_mean(PREFIX + meant) if meant else "remove it; `relay init` lists all"
    )
    return SettingsProblem(name, "unknown setting", hint)


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
    """Return whether *path* leads to an option of a contract's adapter."""
    if path[0] != "contracts" or len(path) < 3:  # noqa: PLR2004 -- contract, name, key
        return False
    ours = keys(TABLES["contracts"]) - {"options"}
    return len(path) == 3 or path[2] not in ours  # noqa: PLR2004


def _candidates(path: KeyPath) -> Iterator[str]:
    """Yield variables that may have been meant, with the table's name in *path*."""
    tables: list[KeyPath] = [(), *((section,) for section in SECTIONS)]
    tables += [(table, name) for table in TABLES for name in _names(path, table)]
    for table in tables:
        model = model_at(table)
        yield from () if model is None else (variable((*table, k)) for k in keys(model))


def _names(path: KeyPath, table: str) -> Iterator[str]:
    """Yield the name after *table*, also where one underscore was written for two."""
    if len(path) > 1:
        yield path[1]
    squeezed = "_".join(path)
    for key in keys(TABLES[table]):
        if squeezed.startswith(f"{table}_") and squeezed.endswith(f"_{key}"):
            yield squeezed[len(table) + 1 : -len(key) - 1]
