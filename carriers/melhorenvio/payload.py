"""Melhor Envio's webhook: one event of one label (docs.melhorenvio.com.br, Webhooks).

Times are local, `YYYY-MM-DD HH:MM:SS` without an offset, except that SuperFrete's
`delivered_at` has one. Fields marked unverified were found in orders of the API, not in
a webhook.
"""

from typing import Annotated, Any

from pydantic import Field
from pydantic_core import from_json

from relay.adapters.payload import Payload


class Tag(Payload):
    """A tag that the shop gave the label: usually its order id."""

    tag: str | None = None


class Label(Payload):
    """A label, which is one parcel; Melhor Envio calls it an order."""

    id: str | None = None
    status: str | None = None
    tracking: str | None = None
    self_tracking: str | None = None  # Melhor Envio's own number (unverified)
    tags: list[Any] | None = None  # each is validated on its own, as a `Tag`
    created_at: str | None = None
    paid_at: str | None = None
    generated_at: str | None = None
    received_at: str | None = None  # unverified
    posted_at: str | None = None
    delivered_at: str | None = None
    suspended_at: str | None = None  # unverified
    canceled_at: str | None = None
    updated_at: str | None = None  # unverified


Nothing = tuple[()]
"""An empty array: PHP's `json_encode` of an object without fields."""


class Notice(Payload):
    """The body of a webhook; the ping at registration has no label."""

    event: str | None = None
    data: Annotated[Label | Nothing | None, Field(union_mode="left_to_right")] = None


def names_label(body: bytes) -> bool:
    """Whether a body is JSON and names a label; its other fields are not checked."""
    try:
        root = from_json(body)
    except ValueError:
        return False
    label = root.get("data") if isinstance(root, dict) else None
    return isinstance(label, dict) and bool(label.get("id") or label.get("tracking"))
