"""A database that cannot be opened is named, with what to check."""

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
