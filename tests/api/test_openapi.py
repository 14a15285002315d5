"""The description of the API holds every route, and examples that can be sent."""

import importlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import hdrs, web

from relay.api import application, openapi
from relay.api.operations import OPERATIONS, Operation
from relay.api.process import Process
from relay.config.settings import Settings
from relay.service.context import ServiceContext
from relay.service.services import Services
from relay.store.event_rows import Pace
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from tests.support.lacking import lacking
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
    return application.application(services, way_in.intake(), Process())


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


BLANKS = {"before": "", "between": "/", "within": "/", "after": ""}
"""Parts of an address that are slashes only, and what stands for them."""


def without_slashes(path: str) -> str:
    """Return the address that one with odd slashes stands for."""
    for name, slash in BLANKS.items():
        path = path.replace(f"{{{name}}}", slash)
    return path


METHODS = {hdrs.METH_ANY: ["get", "options", "post", "put"]}
"""The methods that a contract may use; all others are answered 405."""


def is_of_vtex(path: str) -> bool:
    """Whether VTEX documents a route, so that this document leaves it out."""
    return "api/" in path


def is_page(path: str) -> bool:
    """Whether a route is for people at a browser."""
    return path.startswith("/docs")


async def test_routes_of_vtex_are_left_out(
    app: web.Application, document: Document
) -> None:
    routes = {r.resource.canonical for r in app.router.routes() if r.resource}
    assert "/api/oms/pvt/orders/{order}/invoice" in routes
    assert not any(map(is_of_vtex, document["paths"]))


async def test_every_route_is_described(
    app: web.Application, document: Document
) -> None:
    served = {
        (without_slashes(route.resource.canonical), method)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
        if not is_of_vtex(route.resource.canonical)
        if not is_page(route.resource.canonical)
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


# Completeness


def properties(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield model, name and schema of every property."""
    for model, schema in document["components"]["schemas"].items():
        for name, found in schema.get("properties", {}).items():
            yield model, name, found


def operations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation with its method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_model_and_property_is_described(document: Document) -> None:
    schemas = document["components"]["schemas"]

    assert [m for m, s in schemas.items() if not s.get("description")] == []
    missing = [f"{m}.{n}" for m, n, s in properties(document) if not s["description"]]
    assert missing == []


def test_the_codes_of_problems_and_events_are_described_apart(
    document: Document,
) -> None:
    found = {m: s["description"] for m, n, s in properties(document) if n == "code"}

    assert "VTEX" in found.pop("PublishedLine")
    assert found.keys() == {"Problem", "FieldError", "WarningLine"}
    assert all("/problems" in text for text in found.values())


def test_every_operation_has_a_tag_a_summary_and_a_description(
    document: Document,
) -> None:
    tags = {tag["name"] for tag in document["tags"]}

    used = set()
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        (tag,) = operation["tags"]
        used.add(tag)
    assert used == tags
    assert all(tag["description"] for tag in document["tags"])
    assert document["info"]["description"]


def test_every_parameter_is_described(document: Document) -> None:
    missing = [
        f"{name} {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation["parameters"]
        if not parameter["description"]
    ]

    assert missing == []


def test_every_operation_with_a_token_says_when_to_come_again(
    document: Document,
) -> None:
    guarded = [o for _, o in operations(document) if o["security"]]

    assert guarded
    for operation in guarded:
        for status in ("429", "503"):
            answer = operation["responses"][status]
            assert answer["headers"]["Retry-After"]["description"]
            assert "application/problem+json" in answer["content"]


def test_dates_have_a_format_or_an_example(document: Document) -> None:
    dated = re.compile(r".*(Date|At|On|since|until|Since|Until)$")

    found = {f"{m}.{n}": s for m, n, s in properties(document) if dated.fullmatch(n)}

    assert "LabelRequest.dispatchedDate" in found
    for name, schema in found.items():
        assert schema.get("examples") or '"format"' in json.dumps(schema), name


def test_the_fields_of_requests_have_examples(document: Document) -> None:
    schemas = document["components"]["schemas"]
    fields = {**schemas["LabelRequest"]["properties"]}

    missing = {n for n, s in fields.items() if not s.get("examples")}

    assert missing == {"parcels", "references", "trackingSent", "imported"}


def test_the_document_is_valid(document: Document) -> None:
    try:
        validator = importlib.import_module("openapi_spec_validator")
    except ImportError:
        lacking("openapi-spec-validator is not installed")
    validator.validate(json.loads(json.dumps(document, default=str)))


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


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each body that an operation takes or answers, with its place."""
    requested = operation.get("requestBody", {"content": {}})["content"]
    yield from (("request", body) for body in requested.values())
    for status, answer in operation["responses"].items():
        content = answer.get("content")
        assert content, f"{status} has no body"
        yield from ((f"{status} {kind}", body) for kind, body in content.items())


def test_every_body_has_an_example_of_its_schema(document: Document) -> None:
    try:
        validator = importlib.import_module("openapi_schema_validator")
    except ImportError:
        lacking("openapi-schema-validator is not installed")
    plain = json.loads(json.dumps(document, default=str))
    definitions = {"components": plain["components"]}
    for name, operation in operations(plain):
        for place, body in bodies(operation):
            assert "example" in body, f"{name} {place}"
            schema = body["schema"] | definitions
            wrong = validator.OAS31Validator(schema).iter_errors(body["example"])
            assert [f"{e.json_path}: {e.message}" for e in wrong] == [], (
                f"{name} {place}"
            )


async def test_what_needs_no_token_says_so(document: Document) -> None:
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert document["paths"]["/v1/shipments"]["get"]["security"] == [{"token": []}]


async def test_types_of_references_are_spelled_as_in_json(document: Document) -> None:
    reference = document["components"]["schemas"]["ReferenceRequest"]

    assert "shipmentId" in reference["properties"]["type"]["enum"]
