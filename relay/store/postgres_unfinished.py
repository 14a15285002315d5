"""The mark of a PostgreSQL database to which a move is unfinished."""

from typing import Any, Final

from relay.errors import ConfigurationError

NOTES: Final = "unfinished_move"
"""The table that notes which batches were copied; it exists during a move only."""


async def is_unfinished(connection: Any) -> bool:
    """Whether a move to this database was begun and is not finished."""
    found = await connection.fetchval("SELECT to_regclass($1)::text", NOTES)
    return found is not None


async def check_finished(connection: Any) -> None:
    """Raise `ConfigurationError` while a move to this database is unfinished."""
    if await is_unfinished(connection):
        raise ConfigurationError(
            "database: a move from SQLite to this database is unfinished; run `relay "
            "database move` again with the settings of the SQLite file"
        )
