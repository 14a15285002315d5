"""A claim takes as many rows as it may, however PostgreSQL plans it."""

import asyncio
import re
from typing import Any

from relay.store.database import Transaction, load_queries
from relay.store.postgres import PostgresDatabase
from tests.store.making import execute

LIMIT = 5
SHIPMENTS = (
    "INSERT INTO shipments (id, account, order_id, invoice_number, contract, volumes,"
    " registered_at, due_at) SELECT 's' || n, 'store', 'O-' || n, '1', 'acme', 1, 5, n"
    " FROM generate_series(1, 300) AS n"
)
INVOICES = (
    "INSERT INTO invoices (id, account, order_id, invoice_number, type, value, body,"
    " warnings, registered_at, registered_by, due_at)"
    " SELECT 'i' || n, 'store', 'O-' || n, '1', 'Output', '1', '{}', '[]', 5, 'me', n"
    " FROM generate_series(1, 300) AS n"
)
OTHER_JOINS = ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize")
LEASE = {"account": "store", "lease": "L", "lease_until": 2000, "now": 1000}
CLAIMS: dict[str, dict[str, Any]] = {
    "claim_shipments": LEASE | {"lane": 1, "limit": LIMIT},
    "claim_probe": LEASE,
    "claim_invoices": LEASE | {"limit": LIMIT},
}
LOCKING_SUBQUERY = re.compile(
    r"(?<!MATERIALIZED )\((?=\s*SELECT)[^()]*(?:\([^()]*\)[^()]*)*"
    r"\bLIMIT\b[^()]*FOR UPDATE"
)


async def claimed(tx: Transaction, name: str) -> int:
    for kind in OTHER_JOINS:
        await tx._connection.execute(f"SET LOCAL enable_{kind} = off")  # type: ignore[attr-defined]  # noqa: SLF001
    return len(await tx.rows(name, **CLAIMS[name]))


async def test_a_claim_of_a_nested_loop_takes_no_more_than_its_limit(
    postgres: PostgresDatabase,
) -> None:
    for statement in (SHIPMENTS, INVOICES, "UPDATE shipments SET lane = 1", "ANALYZE"):
        await execute(postgres, statement)

    async def claim(name: str) -> int:
        async with postgres.writing() as tx:
            return await claimed(tx, name)

    for name, most in (("claim_shipments", LIMIT), ("claim_invoices", LIMIT)):
        assert await asyncio.gather(*[claim(name) for _ in range(4)]) == [most] * 4
    assert await claim("claim_probe") == 1


def test_no_query_limits_the_rows_that_it_locks_in_a_plain_subquery() -> None:
    queries = load_queries("postgres")
    wrong = {
        name
        for name in queries.available_queries
        if LOCKING_SUBQUERY.search(getattr(queries, name).sql)
    }
    assert wrong == set()
    assert LOCKING_SUBQUERY.search("x IN (\n SELECT a FROM b LIMIT 1 FOR UPDATE)")
