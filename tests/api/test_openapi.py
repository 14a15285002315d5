"""The description of the API holds every route, and examples that can be sent."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import hdrs, web

from relay.api import application, openapi
from relay.api.operations import OPERATIONS, Operation
from relay.config.settings import Settings
from relay.health import Health
from relay.metrics import Metrics
from relay.service.context import ServiceContext
from relay.service.services import Services
from relay.store.event_rows import Pace
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from tests.support.way_in import WayIn

Document = dict[str, Any]


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


@pytest.fixture
def app(way_in: WayIn, settings: Callable[..., Settings]) -> web.Application:
    """Make the application as it is served, with all its routes."""
    context = ServiceContext(
        settings=settings(),
        carriers=way_in.carriers,
        database=way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=way_in.clock,
    )
    services = Services.build(context)
    return application.application(services, way_in.intake(), Health(), Metrics())


@pytest.fixture
def document(app: web.Application) -> Document:
    operations = app[OPERATIONS]
    return openapi.document(operations)


def everything(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from everything(part)


def without_slashes(path: str) -> str:
    """Return the address that one with odd slashes stands for."""
    for name, slash in (("between", "/"), ("within", "/"), ("after", "")):
        path = path.replace(f"{{{name}}}", slash)
    return path


METHODS = {hdrs.METH_ANY: ["get", "options", "post", "put"]}
"""The methods that a contract may use; all others are answered 405."""


async def test_every_route_is_described(
    app: web.Application, document: Document
) -> None:
    served = {
        (without_slashes(route.resource.canonical), method)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
        for method in METHODS.get(route.method, [route.method.lower()])
    }

    described = {(p, m) for p, methods in document["paths"].items() for m in methods}

    assert described == served


async def test_every_reference_leads_somewhere(document: Document) -> None:
    schemas = document["components"]["schemas"]

    found = [o["$ref"] for o in everything(document) if "$ref" in o]

    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in schemas


async def test_every_operation_has_a_name_of_its_own(document: Document) -> None:
    names = [o["operationId"] for o in everything(document) if "operationId" in o]

    assert len(set(names)) == len(names)
    assert "post_v1_shipments_id_cancel" in names


async def test_every_placeholder_is_a_parameter(document: Document) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


async def test_a_field_of_a_query_is_a_parameter(document: Document) -> None:
    listed = document["paths"]["/v1/shipments"]["get"]["parameters"]

    found = {p["name"] for p in listed}

    assert {"orderId", "trackingNumber", "state", "cursor", "limit"} <= found
    assert not any(p["required"] for p in listed)


BODIES = [o for o in application.OPERATIONS if o.body]


@pytest.mark.parametrize("operation", BODIES, ids=lambda o: f"{o.method} {o.path}")
def test_an_example_can_be_sent(operation: Operation) -> None:
    assert operation.body is not None
    assert operation.example

    body = operation.body.model_validate_json(json.dumps(operation.example))

    assert body.model_fields_set


async def test_the_examples_are_shown(document: Document) -> None:
    post = document["paths"]["/v1/shipments"]["post"]["requestBody"]

    example = post["content"]["application/json"]["example"]

    assert example["orderId"] == "1172452900788-01"


def test_a_body_without_an_example_is_described_too() -> None:
    post = BODIES[0]
    bare = Operation(
        method="POST",
        path="/bare",
        handler=post.handler,
        scope=post.scope,
        summary="Bare",
        body=post.body,
        answers={200: None},
    )

    described = openapi.document([bare])["paths"]["/bare"]["post"]

    content = described["requestBody"]["content"]["application/json"]
    assert content.keys() == {"schema"}
    assert described["responses"]["200"] == {"description": "OK"}


async def test_what_needs_no_token_says_so(document: Document) -> None:
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert document["paths"]["/v1/shipments"]["get"]["security"] == [{"token": []}]


async def test_types_of_references_are_spelled_as_in_json(document: Document) -> None:
    reference = document["components"]["schemas"]["ReferenceRequest"]

    assert "shipmentId" in reference["properties"]["type"]["enum"]
