"""`/openapi.json`: the API as described by its models and operations."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import to_json

from relay.api.answer_examples import example_of, problem_example
from relay.api.field_descriptions import add_descriptions
from relay.api.field_examples import PATHS, add_examples
from relay.api.operations import OPERATIONS, Operation
from relay.api.public_operations import (
    PROBLEM,
    PUBLIC,
    PublicOperation,
    request_body,
    responses,
)
from relay.config.account import Scope
from relay.service.models import Problem

_REFERENCE: Final = "#/components/schemas/{model}"
_PLACEHOLDER: Final = re.compile(r"{(\w+)}")
_ABOUT: Final = (
    "Registers shipping labels, and publishes their tracking to VTEX. Errors are "
    "problem details (RFC 9457) with a stable `code`, which `/problems` explains. "
    "Times without an offset are in the account's zone. Every request may be sent "
    "again: account, order and invoice number identify a label."
)
_TAGS: Final = {
    "shipments": "Register labels, follow and change their shipments.",
    "invoices": "Post invoices to VTEX, with or without tracking.",
    "documents": "What carriers sent, and rejected requests.",
    "lists": "What waits for an operator.",
    "settings": "Accounts and contracts.",
    "operation": "Health, status, metrics, and this description.",
    "webhooks": "The addresses that carriers and VTEX call.",
}
_TAG_OF: Final = {
    "shipments": "shipments", "invoices": "invoices",
    "documents": "documents", "rejected": "documents",
    "lists": "lists", "events": "lists", "accounts": "settings",
    "contracts": "settings", "discovery": "settings", "webhooks": "webhooks",
    "vtex": "webhooks",
}  # fmt: skip
"""Tags by the first part of the path; all other paths are about the operation."""
_CSV: Final = "orderId,invoiceNumber,since\n1172452900788-01,000030711,2026-08-04\n"
_BUSY: Final = {
    429: "Too many requests; send it again after `Retry-After` seconds",
    503: "Cannot be done at present; send it again after `Retry-After` seconds",
}
Used = tuple[type[BaseModel], JsonSchemaMode]
Schemas = Mapping[Any, Mapping[str, Any]]
"""Schema references by model and direction."""


def add_routes(app: web.Application) -> None:
    """Serve the description of all mounted operations."""
    app.router.add_get("/openapi.json", describe)


async def describe(request: web.Request) -> web.Response:
    """Return the description; it is public."""
    operations = request.app[OPERATIONS]
    body = to_json(document(operations))
    return web.Response(body=body, content_type="application/json")


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Describe *operations* in OpenAPI 3.1."""
    served = tuple(operations)
    used = sorted(set(_used(served)), key=lambda u: (u[0].__name__, u[1]))
    schemas, definitions = models_json_schema(
        used, ref_template=_REFERENCE, schema_generator=GenerateJsonSchema
    )
    add_descriptions(definitions["$defs"])
    add_examples(definitions["$defs"])
    paths: dict[str, dict[str, Any]] = {}
    for operation in served:
        described = _operation(operation, schemas, definitions["$defs"])
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    for public in PUBLIC:
        described = _public(public, schemas[Problem, "serialization"])
        paths.setdefault(public.path, {})[public.method] = described
    bearer = {"type": "http", "scheme": "bearer"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carrier tracking relay",
            "version": version("carrier-tracking-relay"),
            "description": _ABOUT,
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": bearer},
        },
    }


def _public(operation: PublicOperation, problem: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "summary": operation.summary,
        "tags": [_tag(operation.path)],
        "operationId": _id(operation.method, operation.path),
        "description": "Needs no token.",
        "security": [],
        "parameters": [*_path_parameters(operation.path)],
        "responses": responses(operation, problem),
        **request_body(operation),
    }


def _used(operations: Iterable[Operation]) -> Iterator[Used]:
    """Yield every model with its direction: request or response."""
    yield Problem, "serialization"
    for operation in operations:
        for model in (operation.body, operation.query):
            if model is not None:
                yield model, "validation"
        for answer in operation.answers.values():
            if answer is not None:
                yield answer, "serialization"


def _operation(
    operation: Operation, schemas: Schemas, definitions: Mapping[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "tags": [_tag(operation.path)],
        "operationId": _id(operation.method, operation.path),
        "description": _needs(operation.scopes),
        "security": [{"token": []}],
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(operation, schemas, definitions),
        ],
        "responses": {
            str(status): _response(status, model, schemas, operation.also)
            for status, model in _answers(operation).items()
        },
    }
    _add_answer_examples(described["responses"], definitions)
    if operation.text:
        plain = {"schema": {"type": "string"}, "example": operation.text}
        described["responses"]["200"]["content"] = {"text/plain": plain}
    if operation.body is not None:
        content: dict[str, Any] = {"schema": schemas[operation.body, "validation"]}
        if operation.example:
            content["example"] = operation.example
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": content},
        }
    return described


def _add_answer_examples(
    responses: Mapping[str, Any], definitions: Mapping[str, Any]
) -> None:
    """Add an example to each JSON body of *responses*."""
    for status, response in responses.items():
        content = response.get("content", {})
        if PROBLEM in content:
            content[PROBLEM]["example"] = problem_example(int(status))
        if "application/json" in content:
            body = content["application/json"]
            body["example"] = example_of(body["schema"], definitions)


def _needs(scopes: Sequence[Scope]) -> str:
    """Say which scopes allow an operation."""
    names = " or ".join(f"`{scope}`" for scope in scopes)
    return f"Needs a token with the scope {names}."


def _answers(operation: Operation) -> Mapping[int, type[BaseModel] | None]:
    """Return all answers, including those for a wrong token and a busy relay."""
    usual = dict.fromkeys((401, 403, *_BUSY), Problem)
    return dict(sorted({**operation.answers, **usual}.items()))


def _response(
    status: int,
    model: type[BaseModel] | None,
    schemas: Schemas,
    also: Iterable[str] = (),
) -> dict[str, Any]:
    text = _BUSY.get(status, HTTPStatus(status).phrase)
    described: dict[str, Any] = {"description": text}
    if status in _BUSY:
        seconds = {"type": "integer", "examples": [5]}
        described["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": seconds}
        }
    if model is not None:
        kind = PROBLEM if model is Problem else "application/json"
        schema = schemas[model, "serialization"]
        described["content"] = {kind: {"schema": schema}}
        if model is not Problem:
            other = {"schema": {"type": "string"}, "example": _CSV}
            described["content"] |= dict.fromkeys(also, other)
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PLACEHOLDER.findall(path):
        text, example = PATHS[name]
        kind = "integer" if isinstance(example, int) else "string"
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": text,
            "schema": {"type": kind, "examples": [example]},
        }


def _query_parameters(
    operation: Operation, schemas: Schemas, definitions: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield a parameter for each field of the query's model."""
    if operation.query is None:
        return
    name = schemas[operation.query, "validation"]["$ref"].rsplit("/", 1)[-1]
    for field, schema in definitions[name]["properties"].items():
        yield {
            "name": field,
            "in": "query",
            "required": False,
            "description": schema.get("description", ""),
            "schema": schema,
        }


def _tag(path: str) -> str:
    """Return the tag of an operation."""
    first = path.removeprefix("/v1").split("/")[1]
    return _TAG_OF.get(first, "operation")


def _id(method: str, path: str) -> str:
    """Return a name for generated clients: `post_v1_shipments_id_cancel`."""
    words = re.findall(r"\w+", path)
    return "_".join([method.lower(), *words])
