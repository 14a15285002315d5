"""Routes without a token, for `/openapi.json`: probes, explanations and webhooks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from relay.api.answer_examples import problem_example

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"
_CARRIER: Final = {"tracking": "QQ123456785BR", "status": "posted"}
_ORDER: Final = {
    "Domain": "Fulfillment",
    "OrderId": "1172452900788-01",
    "State": "invoiced",
    "LastState": "invoice",
    "Origin": {"Account": "acme", "Key": "vtexappkey-acme-ABCDEF"},
}
_READY: Final = {
    "ready": True,
    "reasons": [],
    "unread": {"documents": 0, "oldestSeconds": 0},
}
_UNREADY: Final = {"ready": False, "reasons": ["database: no answer (TimeoutError)"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOperation:
    """A route whose bodies have no model: examples of its bodies say what they are.

    `refusals` are answered with problem details; `kind` is the content type of a 200.
    """

    method: str
    path: str
    summary: str
    answer: Any
    kind: str = JSON
    refusals: tuple[int, ...] = ()
    other: tuple[tuple[int, Any], ...] = ()
    body: Mapping[str, Any] | None = None


def _webhooks() -> Iterator[PublicOperation]:
    """Yield the addresses for carriers, with and without a secret in them."""
    for secret in ("", "/{secret}"):
        path = f"/webhooks/{{contract}}{secret}"
        for method in ("post", "put"):
            yield PublicOperation(
                method=method,
                path=path,
                summary="Receive a carrier's webhook; verified as the carrier signs it",
                answer={},
                refusals=(401, 404, 408, 413, 503),
                body=_CARRIER,
            )
        for method in ("get", "options"):
            yield PublicOperation(
                method=method,
                path=path,
                summary="Answer a carrier's test of the address, if the contract has "
                "one",
                answer={},
                refusals=(401, 404, 405, 503),
            )


PUBLIC: Final = (
    PublicOperation(
        method="get",
        path="/healthz",
        summary="Check that the process is alive",
        answer={"alive": True},
    ),
    PublicOperation(
        method="get",
        path="/readyz",
        summary="Check that the relay does its work",
        answer=_READY,
        other=((503, _UNREADY),),
    ),
    PublicOperation(
        method="get",
        path="/openapi.json",
        summary="Show this description",
        answer={"openapi": "3.1.0"},
    ),
    PublicOperation(
        method="get",
        path="/problems",
        summary="Explain all codes of problems and warnings",
        answer="| `required` | The field is missing. |\n",
        kind="text/markdown",
    ),
    PublicOperation(
        method="get",
        path="/problems/{code}",
        summary="Explain one code",
        answer="The field is missing.\n",
        kind="text/markdown",
        refusals=(404,),
    ),
    PublicOperation(
        method="post",
        path="/vtex/hook/{account}",
        summary="Receive a notification of VTEX's hook; the header `key` has its "
        "secret",
        answer={},
        refusals=(401, 404, 408, 413, 422, 503),
        body=_ORDER,
    ),
    *_webhooks(),
)


def responses(operation: PublicOperation, problem: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the answers; *problem* is the schema of the refusals."""
    schema = {} if operation.kind == JSON else {"type": "string"}
    answers = {200: (operation.kind, schema, operation.answer)}
    answers |= {status: (JSON, {}, body) for status, body in operation.other}
    answers |= {
        status: (PROBLEM, dict(problem), problem_example(status))
        for status in operation.refusals
    }
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {kind: {"schema": schema, "example": example}},
        }
        for status, (kind, schema, example) in sorted(answers.items())
    }


def request_body(operation: PublicOperation) -> dict[str, Any]:
    """Describe the body; the carrier decides its form, so no schema limits it."""
    if operation.body is None:
        return {}
    content = {JSON: {"schema": {}, "example": operation.body}}
    return {"requestBody": {"required": True, "content": content}}
