from collections.abc import Callable
from pathlib import Path

import pytest

from relay.config.load import load
from relay.config.problems import InvalidSettings, SettingsProblem
from relay.config.settings import Settings

Environ = dict[str, str]
Found = Callable[..., dict[str, SettingsProblem]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def environ() -> Environ:
    """All that a deployment with one contract needs."""
    return {
        "RELAY_ACCOUNTS__ACME__APP_KEY": "vtexappkey-acme-ABCDEF",
        "RELAY_ACCOUNTS__ACME__APP_TOKEN": "the-token-of-acme",
        "RELAY_CONTRACTS__SWIFT__ADAPTER": "generic",
        "RELAY_CONTRACTS__SWIFT__SECRET": "the-secret-of-swift",
    }


@pytest.fixture
def written(folder: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = folder / "relay.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def loaded(environ: Environ) -> Callable[..., Settings]:
    """Load that deployment with more variables, named without their prefix."""

    def read(**more: str) -> Settings:
        return load(None, environ | {f"RELAY_{k}": v for k, v in more.items()})

    return read


@pytest.fixture
def found(environ: Environ) -> Found:
    """Load that deployment with changed variables; return the findings by key."""

    def read(
        path: Path | None = None, **more: str | None
    ) -> dict[str, SettingsProblem]:
        changed = environ | {f"RELAY_{k}": v for k, v in more.items()}
        kept = {name: text for name, text in changed.items() if text is not None}
        with pytest.raises(InvalidSettings) as caught:
            load(path, kept)
        return {f.key.removeprefix("RELAY_"): f for f in caught.value.findings}

    return read
