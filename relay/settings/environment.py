"""Settings from environment variables: `RELAY_CONTRACTS__ME__SECRET` and the like.

Two underscores stand between levels. Names are written in lower case; in the
name of an account `_` stands for `-`, which no variable can hold. A variable
that is set to nothing counts as not set, but its name must be right.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from relay.carrier.options import closest
from relay.settings.findings import Finding, variable
from relay.settings.merging import merged
from relay.settings.schema import SECTIONS, TABLES, Path, is_table, keys, model_at

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
    origins: dict[Path, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

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

    def _take_table(self, name: str, path: Path, text: str) -> Finding | None:
        try:
            table = json.loads(text)
        except ValueError:
            table = None
        if not isinstance(table, dict):
            way_out = f"write an object, or one variable per key: {name}__..."
            return Finding(name, "it stands for a table and is no JSON object", way_out)
        self._put(name, path, table)
        return None

    def _put(self, name: str, path: Path, value: Any) -> None:
        self.origins[path] = name
        for part in reversed(path):
            value = {part: value}
        self.values = merged(self.values, value)


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


def path_of(name: str) -> Path:
    """Return the path of the setting that the variable *name* carries."""
    parts = name[len(PREFIX) :].lower().split("__")
    if parts[0] == "accounts" and len(parts) > 1:
        parts[1] = parts[1].replace("_", "-")
    return tuple(parts)


def _misplaced(name: str, path: Path) -> Finding | None:
    """Say what is wrong with the name of a variable, if anything is."""
    if len(path) > 3 and path[0] == "contracts" and path[2] == "codes":  # noqa: PLR2004
        way_out = f"write them all into {variable(path[:3])}, as a JSON object"
        return Finding(name, "a variable's name has no case, codes have", way_out)
    if _is_known(path):
        return None
    meant = closest(name.upper(), _candidates(path), cutoff=0.8)
    way_out = f"is {meant} meant?" if meant else "remove it; `relay init` lists all"
    return Finding(name, "there is no such setting", way_out)


def _is_known(path: Path) -> bool:
    if not all(path):
        return False
    if is_table(path):
        return True
    model = model_at(path[:-1])
    if model is not None and path[-1] in keys(model):
        return True
    return _is_option(path)


def _is_option(path: Path) -> bool:
    """Whether *path* leads to an option of a contract's adapter."""
    if path[0] != "contracts" or len(path) < 3:  # noqa: PLR2004 -- contract, name, key
        return False
    ours = keys(TABLES["contracts"]) - {"options"}
    return len(path) == 3 or path[2] not in ours  # noqa: PLR2004


def _candidates(path: Path) -> Iterator[str]:
    """Yield variables that may have been meant, with the names that *path* holds."""
    tables: list[Path] = [(), *((section,) for section in SECTIONS)]
    tables += [(table, name) for table in TABLES for name in _names(path, table)]
    for table in tables:
        model = model_at(table)
        yield from () if model is None else (variable((*table, k)) for k in keys(model))


def _names(path: Path, table: str) -> Iterator[str]:
    """Yield the name after *table*, also where one underscore stood for two."""
    if len(path) > 1:
        yield path[1]
    squeezed = "_".join(path)
    for key in keys(TABLES[table]):
        if squeezed.startswith(f"{table}_") and squeezed.endswith(f"_{key}"):
            yield squeezed[len(table) + 1 : -len(key) - 1]
