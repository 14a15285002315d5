"""Loggi's side, written from its docs and not from the adapter."""

import base64
import json
from typing import Any


def headers(body: bytes, secret: str) -> dict[str, str]:  # noqa: ARG001 -- no signature
    """Show user and password."""
    return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


def status(code: Any, text: str, time: str) -> dict[str, Any]:
    """Write where a package stood."""
    return {
        "code": code,
        "highLevelStatus": text,
        "description": f"O pacote está: {text}",
        "actionRequired": None,
        "updatedTime": time,
    }


def package(*history: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a package with a *history*; its last entry is the current status."""
    place = {"city": "São Paulo", "state": "SP"}
    body = {
        "loggiKey": "KIF0000000000000000000001",
        "trackingCode": "ZZ00000000001LG",
        "status": history[-1],
        "location": place,
        "promisedDate": "2026-05-21",
        "requestTime": "2026-05-21T09:00:00.000001Z",
        "trackingHistory": [{"status": s, "location": place} for s in history],
    }
    return body | changes


def batch(*packages: dict[str, Any]) -> bytes:
    """Write the webhook of *packages*."""
    return json.dumps({"packages": packages}).encode()


def document(code: Any, text: str = "Palavras", **changes: Any) -> bytes:
    """Write the webhook of one package to which one thing happened."""
    time = "2026-05-20T10:40:18.941518Z"
    return batch(package(status(code, text, time), **changes))
