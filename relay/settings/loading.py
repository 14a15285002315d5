"""Loads the settings: a file, the environment over it, every finding at once."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from relay.settings.environment import CONFIG, Environment, from_environment
from relay.settings.findings import FILE, Finding, WrongSettings
from relay.settings.merging import SecretFiles, merged, uncovered
from relay.settings.root import Settings
from relay.settings.schema import Path as Key
from relay.settings.translation import findings_of

_SUFFIX: Final = "_file"


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings in the file at *path* with those of *environ* over them.

    Without *path* the file is the one that `RELAY_CONFIG` names, else
    `relay.toml` here, if there is one. Relative names of secret files start
    from the folder of the file that holds them; those in variables from here.
    Raises `WrongSettings`, a `ConfigurationError`, with every finding.
    """
    file = _file(path, environ)
    variables = from_environment(environ)
    written = {} if file is None else _read(file)
    below = SecretFiles(Path() if file is None else file.parent)
    above = SecretFiles(Path())
    left = below.fetched(uncovered(written, variables.values))
    data = merged(left, above.fetched(variables.values))
    settings, invalid = _validated(data)
    from_variables = [_renamed(f, variables) for f in (*above.findings, *invalid)]
    findings = [*variables.findings, *below.findings, *from_variables]
    if settings is None or findings:
        raise WrongSettings(findings)
    return settings


def files(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that settings come from: their own, and those of secrets.

    One that is not TOML, for now, names no secrets.
    """
    file = _file(path, environ)
    variables = from_environment(environ)
    try:
        written = {} if file is None else _read(file)
    except WrongSettings:
        written = {}
    below = SecretFiles(Path() if file is None else file.parent)
    above = SecretFiles(Path())
    below.fetched(uncovered(written, variables.values))
    above.fetched(variables.values)
    return (*([] if file is None else [file]), *below.named, *above.named)


def _file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file to read, or None if there is none and none was asked for."""
    if path is not None:
        return path
    if named := environ.get(CONFIG):
        return Path(named)
    return Path(FILE) if Path(FILE).is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        wrong, way_out = f"it cannot be read ({error.strerror})", "try `relay init`"
    except UnicodeDecodeError:
        wrong, way_out = "it is not UTF-8 text", "save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        wrong, way_out = f"it is not TOML: {error}", "mend that line"
    raise WrongSettings([Finding(str(file), wrong, way_out)])


def _validated(data: Mapping[str, Any]) -> tuple[Settings | None, list[Finding]]:
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, findings_of(error)
    except WrongSettings as error:
        return None, list(error.findings)


def _renamed(finding: Finding, variables: Environment) -> Finding:
    """Name the variable in a *finding* about a value that came from one."""
    key = tuple(finding.key.split("."))
    name = _origin(key, variables.origins)
    return Finding(name, finding.wrong, finding.way_out) if name else finding


def _origin(key: Key, origins: Mapping[Key, str]) -> str:
    """Return the variable that said what stands at *key*, or ''."""
    for length in range(len(key), 0, -1):
        part = key[:length]
        for place in (part, (*part[:-1], part[-1] + _SUFFIX)):
            if place in origins:
                return origins[place]
    return ""
