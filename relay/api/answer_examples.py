"""Examples of answers for `/openapi.json`, made from the models' schemas."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from relay.api.field_examples import EXAMPLES
from relay.problem_codes import ProblemCode

Schema = Mapping[str, Any]

TEXTS: Final[Mapping[str, str]] = {
    "adapter": "melhorenvio",
    "body": '{"tracking": "QQ123456785BR", "status": "posted"}',
    "carrierCode": "posted",
    "city": "São Paulo",
    "closedReason": "delivered",
    "code": "posted",
    "contradictedReason": "delivery_attempted after the delivery",
    "country": "BR",
    "cursor": "eyJhZnRlciI6IDE3fQ",
    "deliveryRequestedBy": "maria",
    "detail": "invoice 000030711: registered",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "effect": "milestone",
    "embeddedInvoice": "<nfeProc/>",
    "example": "Objeto postado",
    "filter": "FromWorkflow: invoiced",
    "hint": "check the contract's secret at the carrier",
    "invoiceUrl": "https://erp.example/invoices/000030711",
    "invoiceValue": "199.90",
    "kind": "send_events",
    "lastFailure": "HTTP 503",
    "lastGood": "published",
    "listMode": "merge",
    "listModeEvidence": "1172452900788-01: one event after two updates",
    "message": "OK",
    "method": "POST",
    "milestone": "picked_up",
    "mode": "feed",
    "name": "acme",
    "next": "eyJhZnRlciI6IDE3fQ",
    "outcome": "registered",
    "path": "/webhooks/me",
    "position": "events[3]",
    "problem": "VTEX answered 403",
    "quarantineReason": "delivered right after registration",
    "reason": "VTEX answered 401",
    "receipt": "38e0e47da2934847b489216d208cfd91",
    "refusedReason": "unknown contract",
    "registeredBy": "erp",
    "rejectedReason": "the signature does not match the request",
    "resume": "eyJhZnRlciI6IDE3fQ",
    "shipment": "01a1fe3a-9fc3-76ab-bbbc-30743011a073",
    "source": "webhook",
    "state": "SP",
    "stuckReason": "VTEX answered 400",
    "text": "registered by erp",
    "title": "Invalid label",
    "type": "trackingNumber",
    "unmatchedReason": "no label has this number",
    "unreadableReason": "not JSON",
    "url": "https://relay.example/vtex/hook/acme",
    "verification": "signature",
    "vtexInvoiceNumber": "30711",
    "vtexResponse": "400 Bad Request",
    "webhook": "https://relay.example/webhooks/me",
    "what": "write",
    "zone": "America/Sao_Paulo",
}
"""Texts of fields of answers that no request has."""
ABSENT: Final = frozenset(
    {
        "closedReason",
        "damage",
        "deliveredPublishedAt",
        "quarantineReason",
        "traceback",
        "unreadableReason",
        "verifiedAt",
        "voidedAt",
        "why",
        "withdrawnAt",
    }
)
"""Fields that are null in most answers."""
USUAL: Final = ("up_to_date", "trackingNumber")
"""Values that are taken before the first one of an enumeration."""
FORMATTED: Final[Mapping[str, str]] = {
    "date": "2026-08-07",
    "date-time": "2026-08-04T19:20:00Z",
    "uuid": EXAMPLES["id"],
}
BY_TYPE: Final[Mapping[str, Any]] = {
    "boolean": False,
    "integer": 1,
    "null": None,
    "number": 1.5,
    "string": "text",
}
PROBLEMS: Final[Mapping[int, tuple[ProblemCode, str, str]]] = {
    400: (ProblemCode.INVALID_JSON, "the body is not JSON", "send a JSON object"),
    401: (ProblemCode.TOKEN_MISSING, "no token", "send Authorization: Bearer <token>"),
    403: (ProblemCode.SCOPE_MISSING, "the token lacks a scope", "use another token"),
    404: (ProblemCode.NOT_FOUND, "not found", "take the id from a list"),
    405: (ProblemCode.METHOD_NOT_ALLOWED, "the method", "see the header Allow"),
    408: (ProblemCode.REQUEST_TIMEOUT, "the body took too long", "send it again"),
    409: (ProblemCode.CONFLICT, "it differs from what is stored", "send a correction"),
    413: (ProblemCode.BODY_TOO_LARGE, "the body is too large", "send a smaller body"),
    415: (
        ProblemCode.UNSUPPORTED_MEDIA_TYPE,
        "the body is not declared as JSON",
        "send Content-Type: application/json",
    ),
    422: (
        ProblemCode.REQUIRED,
        "orderId: required",
        "send the id of the order in VTEX",
    ),
    429: (ProblemCode.TRY_AGAIN, "too many requests", "wait for Retry-After seconds"),
    503: (ProblemCode.TRY_AGAIN, "could not be stored", "send it again"),
}
"""By status: a usual code, the detail and the hint."""


def problem_example(status: int) -> dict[str, Any]:
    """Return a problem with *status*, as it is answered."""
    code, detail, hint = PROBLEMS[status]
    return {
        "type": code.type,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code.value,
        "detail": detail,
        "hint": hint,
        "errors": [{"code": code.value, "detail": detail, "hint": hint}],
    }


def example_of(schema: Schema, definitions: Mapping[str, Any], field: str = "") -> Any:
    """Return an example of *schema*, the value of *field*; lists have one element."""
    found: Any
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return example_of(definitions[name], definitions, field)
    if field in ABSENT and _may_be_null(schema):
        found = None
    elif "const" in schema:
        found = schema["const"]
    elif "enum" in schema:
        usual = (value for value in USUAL if value in schema["enum"])
        found = next(usual, schema["enum"][0])
    elif schema.get("examples"):
        found = schema["examples"][0]
    elif "anyOf" in schema:
        found = example_of(_likeliest(schema["anyOf"]), definitions, field)
    elif "properties" in schema:
        parts = schema["properties"].items()
        found = {name: example_of(part, definitions, name) for name, part in parts}
    elif schema.get("type") == "array":
        found = [example_of(schema.get("items", {}), definitions, field)]
    elif schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        values = inner if isinstance(inner, Mapping) else {}
        found = {"acme": example_of(values, definitions, field)} if values else {}
    else:
        found = _plain(schema, field)
    return found


def _may_be_null(schema: Schema) -> bool:
    return any(one.get("type") == "null" for one in schema.get("anyOf", ()))


def _likeliest(alternatives: list[Schema]) -> Schema:
    """Return the first alternative that is not null."""
    return next((one for one in alternatives if one.get("type") != "null"), {})


def _plain(schema: Schema, field: str) -> Any:
    """Return an example of a schema without parts."""
    kind = schema.get("type", "string")
    if schema.get("format") in FORMATTED:
        return FORMATTED[schema["format"]]
    if kind == "string" and not schema.get("pattern"):
        return TEXTS.get(field) or schema.get("default") or BY_TYPE[kind]
    return schema.get("default", BY_TYPE.get(kind))
