"""Where settings come from, and whether anything there has changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from relay.settings.loading import files, load
from relay.settings.root import Settings

Seen = Mapping[Path, tuple[int, int, int]]
"""Time, size and number of each file as it was seen last; none for one not there."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or the one found by default, and the environment over it."""

    path: Path | None
    environ: Mapping[str, str]

    def load(self) -> Settings:
        """Return the settings as they are now; raise `WrongSettings`."""
        return load(self.path, self.environ)

    def seen(self) -> Seen:
        """Return how the files look now, those of secrets included."""
        found: dict[Path, tuple[int, int, int]] = {}
        for file in files(self.path, self.environ):
            try:
                at = file.stat()
            except OSError:
                continue
            found[file] = (at.st_mtime_ns, at.st_size, at.st_ino)
        return found
