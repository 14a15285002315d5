"""A typed client, generated from the description that a relay serves, calls it."""

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.support.lacking import lacking
from tests.support.world import World

pytestmark = pytest.mark.slow

Worlds = Callable[..., AbstractAsyncContextManager[World]]
TOKEN = "a-token-of-the-erp-with-enough-characters"
TABLES = {"tokens": {"erp": {"token": TOKEN, "scopes": ["erp"]}}}
PACKAGE = "generated_relay_client"


async def generate(document: Any, folder: Path) -> str:
    """Generate a client package; return what the generator warned of."""
    source, settings = folder / "openapi.json", folder / "generator.json"
    source.write_text(json.dumps(document))
    settings.write_text(json.dumps({"post_hooks": []}))  # it would format the code
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate"),
        *("--path", source, "--config", settings, "--meta", "none"),
        *("--output-path", folder / PACKAGE),
    ]
    ran = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, text=True
    )
    lines = (ran.stdout + ran.stderr).splitlines()
    return "\n".join(line for line in lines if not line.startswith("Generating "))


@pytest.fixture
def worlds(sqlite: Any) -> Worlds:
    """Use one kind of database: what is asked here does not depend on it."""
    from tests.support.world import living  # noqa: PLC0415

    return lambda **settings: living(sqlite, **settings)


async def test_a_label_is_registered_and_read(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("openapi_python_client") is None:
        lacking("openapi-python-client is not installed: pip install -e '.[clients]'")
    async with worlds(tables=TABLES) as world:
        server = TestServer(world.process.relay.application())
        async with TestClient(server) as http, http.get("/openapi.json") as answer:
            assert await generate(await answer.json(), tmp_path) == ""
            monkeypatch.syspath_prepend(tmp_path)
            client = import_module(PACKAGE).AuthenticatedClient(
                base_url=str(server.make_url("")), token=TOKEN
            )
            await use(client)


async def use(client: Any) -> None:
    """Register a label, read it, and be refused with a typed problem."""
    models = import_module(f"{PACKAGE}.models")
    api = f"{PACKAGE}.api.shipments"
    label = models.LabelRequest(
        order_id="1172452900788-01",
        invoice_number="000012345",
        tracking_number="AB123456789BR",
    )
    async with client:
        post = import_module(f"{api}.post_v1_shipments").asyncio_detailed
        registered = await post(client=client, body=label)
        assert registered.status_code == 201
        assert isinstance(registered.parsed, models.ShipmentAnswer)

        get = import_module(f"{api}.get_v1_shipments_id").asyncio
        read = await get(registered.parsed.id, client=client)
        assert isinstance(read, models.ShipmentDetail)
        assert read.order_id == label.order_id
        assert read.state == registered.parsed.state
        assert read.registered_at.tzinfo is not None
        assert [p.tracking_number for p in read.parcels] == ["AB123456789BR"]

        problem = await get("unknown", client=client)
        assert isinstance(problem, models.Problem)
        assert problem.code == models.ProblemCode.NOT_FOUND
