"""The commented file of settings that `relay init` writes."""

from importlib.resources import files
from pathlib import Path

from relay.errors import ConfigurationError


def template() -> str:
    """Return a `relay.toml` with every key, commented out, and what it is for."""
    return files(__package__).joinpath("template.toml").read_text(encoding="utf-8")


def write_template(path: Path) -> None:
    """Write the template to *path*, which must not exist, for its owner's eyes.

    Raises `ConfigurationError` if there is something already, or no such folder.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            path.chmod(0o600)
            file.write(template())
    except FileExistsError:
        raise ConfigurationError(f"{path} exists already; remove it first") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
