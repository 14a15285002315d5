"""Melhor Envio's own words: one webhook tells of one label (their docs: Webhooks).

Only what the adapter reads stands here; the rest is ignored. Times are naive,
`YYYY-MM-DD HH:MM:SS`. Fields marked unverified were seen in orders of their API,
not in a webhook.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Words(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class Tag(_Words):
    """A mark that the shop gave the label, most often its order id."""

    tag: str | None = None


class Label(_Words):
    """What they call an order: one label, which is one parcel."""

    id: str | None = None
    status: str | None = None
    tracking: str | None = None
    self_tracking: str | None = None  # their own number (unverified)
    tags: list[Tag] | None = None
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
"""An empty array: so PHP spells an object without fields."""


class Notice(_Words):
    """The body of a webhook; the ping of the registration names no label."""

    event: str | None = None
    data: Annotated[Label | Nothing | None, Field(union_mode="left_to_right")] = None
