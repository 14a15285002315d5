"""Answers of polled carriers, for aioresponses."""

import json
from types import SimpleNamespace
from typing import Any

from aiohttp import ClientResponse


class Received(ClientResponse):
    """Has an attribute that aiohttp 3.14 needs and aioresponses does not set."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        published = {"stream_writer": SimpleNamespace(output_size=0)}
        super().__init__(*args, **(published | kwargs))


def given(value: object, status: int = 200, **more: Any) -> dict[str, Any]:
    """Return the arguments of an answer with a JSON *value*, or with bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return {"status": status, "body": body, "response_class": Received} | more
