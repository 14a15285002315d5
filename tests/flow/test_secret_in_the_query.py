"""A carrier's secret in a query parameter: verified again, and nowhere in clear."""

import base64
import io
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Final
from urllib.parse import quote

import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from relay import logs
from relay.api.problems import AccessLogger
from relay.config.settings import Settings
from relay.store.sqlite import SqliteDatabase
from tests.store.making import execute
from tests.support.way_in import everything
from tests.support.world import CONTRACT, GUARD, World

SOURCE: Final = """
    from relay.adapters.signatures import check_secret
    from tests.support.world import SpeakingCarrier


    class Adapter(SpeakingCarrier):
        def __init__(self, contract):
            self.secrets = contract.secrets

        def verify(self, request):
            check_secret(request.query.get("auth", ""), self.secrets)
"""
SECRET: Final = "the secret/of+the&carrier=1"
WRONG: Final = "another-secret-of-ours"
FORGED: Final = "what-a-stranger-guesses"
ACCEPT: Final = "/v1/rejected/{}/accept"


@pytest.fixture(autouse=True)
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a third party's adapter that reads the secret from the address."""
    package = tmp_path / "query_secret"
    package.mkdir()
    (package / "__init__.py").write_text(dedent(SOURCE), encoding="utf-8")
    info = tmp_path / "query_secret-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: query-secret\nVersion: 1.0\n")
    point = "[relay.carriers]\nquery_secret = query_secret:Adapter\n"
    (info / "entry_points.txt").write_text(point)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "query_secret", raising=False)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return all log lines of the relay; none of the secrets is masked as known."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    logs.configure(level="debug", layout="json", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def with_secret(settings: Settings, secret: str) -> Settings:
    given = {"adapter": "query_secret", "secret": secret, "account": "acme"}
    changed = Settings.model_validate(
        {"accounts": {"acme": {"app_key": "k", "app_token": "t"}}}
        | {"contracts": {CONTRACT: given}}
    )
    return settings.model_copy(update={"contracts": changed.contracts})


@pytest.fixture
async def client(world: World, log: io.StringIO) -> AsyncIterator[TestClient[Any, Any]]:
    del log  # so that all lines are in it
    await world.process.relay.reload(with_secret(world.settings, WRONG))
    server = TestServer(world.process.relay.application())
    await server.start_server(access_log_class=AccessLogger)
    async with TestClient(server) as opened:
        yield opened
    await world.process.relay.intake.close()


async def webhook(
    world: World, client: TestClient[Any, Any], milestone: str, secret: str
) -> int:
    """Let the carrier, or a stranger, report a scan with a secret in the address."""
    event = world.event(milestone).model_dump(mode="json")
    path = f"/webhooks/{CONTRACT}?auth={quote(secret, safe='')}&v=2"
    url = URL(path, encoded=True)
    async with client.post(url, json=[event]) as answer:
        return answer.status


async def contents(world: World) -> bytes:
    """Return everything in the database; of a file also what was deleted in it."""
    database = world.database
    names = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if database.dialect == "postgres":
        names = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    tables = [row["name"] for row in await execute(database, names)]
    assert {"documents", "rejected_requests", "notes"} <= set(tables)
    found = b""
    for table in tables:
        if not table.startswith("sqlite_"):
            rows = await execute(database, f'SELECT * FROM "{table}"')  # noqa: S608
            for row in rows:
                for value in row.values():
                    found += value if isinstance(value, bytes) else str(value).encode()
    if isinstance(database, SqliteDatabase):
        for file in database.path.parent.glob("relay.db*"):
            found += file.read_bytes()
    return found


def spellings(secret: str) -> set[bytes]:
    """Return how a secret may be written."""
    plain = secret.encode()
    hexadecimal, quoted = plain.hex().encode(), quote(secret, safe="").encode()
    return {plain, quoted, base64.b64encode(plain), hexadecimal}


async def test_a_webhook_with_its_secret_in_the_query_is_accepted_after_a_correction(
    world: World, client: TestClient[Any, Any], log: io.StringIO
) -> None:
    relay = world.process.relay
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    assert await webhook(world, client, "picked_up", SECRET) == 401
    assert await webhook(world, client, "delivered", FORGED) == 401
    await relay.intake.rejected_requests.step()
    genuine, forged = await everything(world.database, "rejected_requests")
    assert genuine["sealed"]
    assert (await world.shown()).texts == []

    # As long as the settings are wrong, accepting it verifies again and refuses.
    genuine_path = ACCEPT.format(genuine["rejected_request"])
    async with client.post(genuine_path) as answer:
        assert answer.status == 409
    for path in (f"/v1/rejected/{genuine['rejected_request']}", "/v1/lists/rejected"):
        async with client.get(path) as answer:
            text = (await answer.text()).encode()
            assert answer.status == 200
            assert not any(one in text for one in spellings(SECRET))

    await relay.reload(with_secret(world.settings, SECRET))
    async with client.post(genuine_path) as answer:
        assert answer.status == 202
    async with client.post(ACCEPT.format(forged["rejected_request"])) as answer:
        assert answer.status == 409
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]
    # From now on its webhooks are taken at once.
    await world.wait(hours=1)
    assert await webhook(world, client, "delivered", SECRET) == 200
    await world.rest()
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "picked up", "delivered"], True)

    logged, stored = log.getvalue().encode(), await contents(world)
    assert b"POST /webhooks/{contract} 401" in logged
    assert world.event("picked_up").carrier_code.encode() in stored
    for secret in (SECRET, FORGED, WRONG):
        for written in spellings(secret):
            assert written not in logged
            assert written not in stored
