"""A database that cannot be opened is named, with what to check."""

import sqlite3
from pathlib import Path

import pytest

from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.database import opened


async def test_a_server_that_is_away_is_no_traceback() -> None:
    settings = Settings(database="postgresql://me:its-secret@127.0.0.1:9/relay")
    with pytest.raises(ConfigurationError) as found:
        async with opened(settings):
            raise AssertionError
    assert "cannot connect to PostgreSQL" in str(found.value)
    assert "its-secret" not in str(found.value)


async def test_a_database_that_is_not_there_is_named(postgres_url: str) -> None:
    url = postgres_url.rpartition("/")[0] + "/nowhere"
    with pytest.raises(ConfigurationError, match='"nowhere" does not exist'):
        async with opened(Settings(database=url)):
            raise AssertionError


async def test_a_server_can_be_opened(postgres_url: str) -> None:
    async with opened(Settings(database=postgres_url)) as database:
        assert database.dialect == "postgres"


async def refusal(path: Path, *, serving: bool) -> str:
    with pytest.raises(ConfigurationError) as found:
        async with opened(Settings(database=f"sqlite:///{path}"), serving=serving):
            raise AssertionError
    return str(found.value)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize("folder", ["missing", "a-file"])
async def test_a_folder_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / "a-file").write_text("no folder")
    said = await refusal(tmp_path / folder / "relay.db", serving=True)
    assert f"cannot open {tmp_path / folder / 'relay.db'}" in said
    assert "check that its folder exists" in said


async def test_a_command_does_not_create_a_database(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    assert "start the relay first" in await refusal(path, serving=False)
    assert modes(tmp_path) == {}


async def test_a_database_is_private_from_its_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    async with opened(Settings(database=f"sqlite:///{path}"), serving=True):
        made = modes(tmp_path)
    assert made.keys() >= {"relay.db", "relay.db-wal", "relay.db.lock"}
    assert set(made.values()) == {0o600}


async def test_a_full_disk_at_the_start_is_one_sentence(tmp_path: Path) -> None:
    """A file that may not grow refuses as a full disk does."""
    path = tmp_path / "relay.db"
    with sqlite3.connect(path) as full:
        full.execute("PRAGMA page_size = 512")
        full.execute("VACUUM")
    resource = pytest.importorskip("resource")
    present = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, present[1]))
    try:
        said = await refusal(path, serving=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, present)
    assert "the disk" in said
