"""Answers of VTEX's order management, verbatim where real ones are known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import uuid4

from aiohttp import web

from relay.sandbox.times import as_text

_RFC = "https://tools.ietf.org/html/rfc7231#section-6.5."
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class VtexAnswer:
    """Status, headers and body of an answer; a body is JSON or text."""

    status: int
    body: object = None
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return the answer as a response of aiohttp."""
        text = self.body if isinstance(self.body, str) else _encoded(self.body)
        return web.Response(
            status=self.status,
            text=text,
            content_type=self.content_type,
            charset="utf-8",
            headers=self.headers,
        )


def _encoded(body: object) -> str:
    return "" if body is None else json.dumps(body, ensure_ascii=False)


def error(status: int, code: str, message: str) -> VtexAnswer:
    """Answer with the older error shape of VTEX's order management."""
    body = {"error": {"code": code, "message": message, "exception": None}}
    return VtexAnswer(status, body)


def problem(
    status: int,
    title: str,
    section: str,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> VtexAnswer:
    """Answer with ProblemDetails, which newer parts and the routing use."""
    body: dict[str, object] = {} if errors is None else {"errors": errors}
    body |= {"type": _RFC + section, "title": title, "status": status}
    body["traceId"] = f"00-{uuid4().hex}-{uuid4().hex[:16]}-00"
    return VtexAnswer(status, body, _PROBLEM)


def invalid(errors: Mapping[str, Sequence[str]]) -> VtexAnswer:
    """Answer 400 with an error per field (VTEX: as feed and hook answer)."""
    return problem(400, "One or more validation errors occurred.", "1", errors)


def no_route() -> VtexAnswer:
    """Answer 404 of the routing (VTEX: known issue 1302085, a slash in a number)."""
    return problem(404, "Not Found", "4")


def method_not_allowed() -> VtexAnswer:
    """Answer 405 to a method that the route does not support."""
    return problem(405, "Method Not Allowed", "5")


def unsupported() -> VtexAnswer:
    """Answer 415, as VTEX does without a body or a content type."""
    return problem(415, "Unsupported Media Type", "13")


def unauthorized() -> VtexAnswer:
    """Answer 401 (VTEX: example in the OpenAPI document)."""
    return error(401, "1", "Unauthorized access")


def forbidden() -> VtexAnswer:
    """Answer 403; VTEX documents the status and no body."""
    return error(403, "1", "Access denied")


def order_not_found() -> VtexAnswer:
    """Answer 404 for a wrong account, a wrong id or an order over two years old."""
    return error(404, "OMS007", "Order Not Found")


def invoice_not_found() -> VtexAnswer:
    """Answer 404, often "not yet" (VTEX: known issue 631970; code "1" is a guess)."""
    return error(404, "1", "Invoice Not Found")


def invoice_gone(kind: str, *, earlier: bool) -> VtexAnswer:
    """Answer a write of an invoice that the order does not have.

    Code in production handles these: a PUT gets 400 OMS008, a PATCH 404 NotFound and,
    *earlier*, 500 OMS001. The messages are guesses.
    """
    if kind == "put":
        return error(400, "OMS008", "The invoice was not found in the order")
    if earlier:
        return error(500, "OMS001", "An unexpected error has occurred")
    return error(404, "NotFound", "NotFound")


def order_closed() -> VtexAnswer:
    """Answer 400 to a write of a cancelled order (the text is VTEX's, of POST)."""
    statuses = "cancel, canceled or cancellation_requested"
    return error(400, "1", f"Unable to set invoice when status is {statuses}")


def broken() -> VtexAnswer:
    """Answer 500 (VTEX: known issue 409225, spaces in an invoice number)."""
    return error(500, "1", "An error has occurred")


def receipt(now: datetime, order_id: str) -> VtexAnswer:
    """Answer 200 to a write, which does not prove that it took effect."""
    body = {"date": as_text(now), "orderId": order_id, "receipt": uuid4().hex}
    return VtexAnswer(200, body)
