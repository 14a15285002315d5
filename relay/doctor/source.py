"""Check where the settings come from, and who can read them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from relay.config.load import load, no_settings_hint, settings_file
from relay.doctor.findings import Check, warning
from relay.store.file_access import command, open_to_others

SUBJECT = "settings"


def check_source(path: Path | None, environ: Mapping[str, str]) -> Iterator[Check]:
    """Warn of a missing settings file, and of secrets that every user can read.

    *path* and *environ* are as for `load`, which has succeeded.
    """
    if hint := no_settings_hint(path, environ):
        message, _, cure = hint.partition("; ")
        yield warning(SUBJECT, message, cure)
    file = settings_file(path, environ)
    if file is not None and open_to_others(file) and _has_secrets(file, environ):
        message = f"every user of this machine can read the secrets in {file}"
        yield warning(SUBJECT, message, f"run {command('chmod 600', [file])}")


def _has_secrets(file: Path, environ: Mapping[str, str]) -> bool:
    """Whether a secret is written in *file* itself, or a token of the API."""
    text = file.read_text(encoding="utf-8", errors="replace")
    settings = load(file, environ)
    if any(secret in text for secret in settings.secret_values()):
        return True
    return any("token" in line.split("=")[0] for line in _assignments(text))


def _assignments(text: str) -> list[str]:
    """Return the lines of a TOML text that set a value."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if "=" in line and not line.startswith("#")]
