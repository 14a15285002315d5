"""Triggers that make the database refuse one record, on both kinds."""

from itertools import count
from typing import Final

from relay.store.database import Database
from tests.store.making import execute

_NUMBERS: Final = count()


async def refuse(database: Database, table: str, on: str, when: str) -> str:
    """Refuse changes of rows of *table* where *when* holds; return the trigger."""
    name = f"refused_{next(_NUMBERS)}"
    if database.dialect == "sqlite":
        await execute(
            database,
            f"CREATE TRIGGER {name} BEFORE {on} ON {table} WHEN {when} "
            "BEGIN SELECT RAISE(ABORT, 'a refused record'); END",
        )
        return name
    await execute(
        database,
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'a refused record'; END $$",
    )
    await execute(
        database,
        f"CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW "
        f"WHEN ({when}) EXECUTE FUNCTION {name}()",
    )
    return name


async def allow(database: Database, table: str, trigger: str) -> None:
    """Drop a trigger again."""
    of_table = f" ON {table}" if database.dialect == "postgres" else ""
    await execute(database, f"DROP TRIGGER {trigger}{of_table}")
