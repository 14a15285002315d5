"""Load the settings from a file and the environment, with all problems at once."""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from pydantic import ValidationError

from relay.config.environment import (
    CONFIG,
    PREFIX,
    Environment,
    SecretFiles,
    from_environment,
    merge,
    reveal,
)
from relay.config.explanation import problems_of
from relay.config.problems import (
    FILE,
    InvalidSettings,
    SettingsProblem,
    unreadable_hint,
)
from relay.config.schema import KeyPath
from relay.config.settings import Settings
from relay.text import UndecodableText, decode_text

_SUFFIX: Final = "_file"


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings in the file at *path*, overridden by those of *environ*.

    Without *path* the file is the one that `RELAY_CONFIG` names, else
    `relay.toml` in the working directory, if it exists. Relative paths of secret
    files start from the folder of the file that names them; those in variables
    from the working directory. Raises `InvalidSettings` with every problem.
    """
    file = settings_file(path, environ)
    variables = from_environment(environ)
    written = {} if file is None else _read(file)
    below = SecretFiles(Path() if file is None else file.parent)
    above = SecretFiles(Path())
    left = below.fetched(reveal(written, variables.values))
    data = merge(left, above.fetched(variables.values))
    settings, invalid = _validated(data)
    from_variables = [_renamed(f, variables) for f in (*above.findings, *invalid)]
    findings = [*variables.findings, *below.findings, *from_variables]
    if settings is None or findings:
        raise InvalidSettings(findings)
    return settings


def find_relay(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return `listen` and `database` of settings that may be invalid elsewhere.

    They lead to a relay that goes on with older settings. One that is invalid itself
    has its default.
    """
    values: dict[str, Any] = {}
    with suppress(InvalidSettings):
        file = settings_file(path, environ)
        values = {} if file is None else _read(file)
    values = merge(values, from_environment(environ).values)
    found = Settings()
    for name in ("listen", "database"):
        with suppress(ValidationError, KeyError):
            given = Settings.model_validate({name: values[name]})
            found = found.model_copy(update={name: getattr(given, name)})
    return found


def files(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that settings come from: their own, and those of secrets.

    A file that is not valid TOML, perhaps since it is being edited, names none.
    """
    file = settings_file(path, environ)
    variables = from_environment(environ)
    try:
        written = {} if file is None else _read(file)
    except InvalidSettings:
        written = {}
    below = SecretFiles(Path() if file is None else file.parent)
    above = SecretFiles(Path())
    below.fetched(reveal(written, variables.values))
    above.fetched(variables.values)
    return (*([] if file is None else [file]), *below.named, *above.named)


def settings_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file to read, or None if none is named and none exists."""
    if path is not None:
        return path
    if named := environ.get(CONFIG):
        return Path(named)
    return Path(FILE) if Path(FILE).is_file() else None


def no_settings_hint(path: Path | None, environ: Mapping[str, str]) -> str | None:
    """Return what to do if there are no settings at all; None if there are some."""
    variables = from_environment(environ)
    if settings_file(path, environ) is not None or variables.values:
        return None
    return (
        f"no settings file was found in {Path.cwd()}; run this in the relay's folder, "
        f"name the file with --config or {CONFIG}, or write one with `relay init`"
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(decode_text(file.read_bytes())[0])
    except PermissionError as error:
        wrong, hint = f"cannot be read ({error.strerror})", unreadable_hint(file)
    except OSError as error:
        wrong, hint = f"cannot be read ({error.strerror})", "check the path"
        if not file.exists():
            hint += "; `relay init` writes a new file"
    except UndecodableText:
        wrong, hint = "not UTF-8 text", "save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        wrong, hint = f"invalid TOML: {error}", "fix that line"
    raise InvalidSettings([SettingsProblem(str(file), wrong, hint)])


def _validated(
    data: Mapping[str, Any],
) -> tuple[Settings | None, list[SettingsProblem]]:
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, problems_of(error)
    except InvalidSettings as error:
        return None, list(error.findings)


def _renamed(finding: SettingsProblem, variables: Environment) -> SettingsProblem:
    """Return *finding* with the variable's name if its value came from one."""
    key = tuple(finding.key.split("."))
    name = _origin(key, variables.origins)
    return SettingsProblem(name, finding.wrong, finding.hint) if name else finding


def _origin(key: KeyPath, origins: Mapping[KeyPath, str]) -> str:
    """Return the variable that set the value at *key*, or ''."""
    for length in range(len(key), 0, -1):
        part = key[:length]
        for place in (part, (*part[:-1], part[-1] + _SUFFIX)):
            if place in origins:
                return origins[place]
    return ""


Seen = Mapping[Path, tuple[int, int, int]]
"""Modification time, size and inode of each file that exists."""


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """A file, or the default one, and the environment that overrides it."""

    path: Path | None
    environ: Mapping[str, str]

    def pinned(self) -> Self:
        """Return a source that stays with the file that exists now.

        Otherwise a default file that is deleted would mean default settings, which
        have no tokens.
        """
        return replace(self, path=settings_file(self.path, self.environ))

    def text(self) -> bytes | None:
        """Return the content of the settings file, None if it cannot be read."""
        file = settings_file(self.path, self.environ)
        try:
            return None if file is None else file.read_bytes()
        except OSError:
            return None

    def origin(self) -> dict[str, Any]:
        """Return where the settings come from, without any value: for the log."""
        file = settings_file(self.path, self.environ)
        names = sorted(
            name
            for name in self.environ
            if name.upper().startswith(PREFIX) and name.upper() != CONFIG
        )
        where = "environment only" if names else "defaults only"
        return {"file": str(file.absolute()) if file else where, "variables": names}

    def load(self) -> Settings:
        """Return the settings as they are now; raise `InvalidSettings`."""
        return load(self.path, self.environ)

    def seen(self) -> Seen:
        """Return the state of the files now, those of secrets included."""
        found: dict[Path, tuple[int, int, int]] = {}
        for file in files(self.path, self.environ):
            try:
                at = file.stat()
            except OSError:
                continue
            found[file] = (at.st_mtime_ns, at.st_size, at.st_ino)
        return found
