"""The page of the API's description: all of it comes from the relay."""

import gzip
import re
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from relay.api import api_page


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.add_routes(api_page.routes())
    async with TestClient(TestServer(app), auto_decompress=False) as made:
        yield made


async def test_the_page_and_its_files_are_served(client: TestClient[Any, Any]) -> None:
    async with client.get("/docs") as answer:
        assert answer.content_type == "text/html"
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in page
    named = re.findall(r'(?:src|href)="(docs/[\w.-]+)"', page)
    assert sorted(named) == [f"docs/{name}" for name in sorted(api_page.KINDS)]
    assert re.findall(r"https?://", page) == []
    for path in named:
        async with client.get(f"/{path}") as answer:
            assert answer.status == 200
            compressed = await answer.read()
        plain = {"Accept-Encoding": "identity"}
        async with client.get(f"/{path}", headers=plain) as answer:
            assert await answer.read() == gzip.decompress(compressed)
    async with client.get("/docs/LICENSE") as answer:
        assert answer.status == 404


def test_the_viewer_is_as_it_was_published() -> None:
    source = api_page.FOLDER.joinpath("SOURCE.txt").read_text()
    noted = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", source, re.MULTILINE))
    assert len(noted) == 2
    for digest, name in noted.items():
        content = gzip.decompress(api_page.compressed(name))
        assert sha256(content).hexdigest() == digest
    for text in ("LICENSE", "NOTICE", "BUNDLE-LICENSES.txt"):
        assert api_page.FOLDER.joinpath(text).is_file()
