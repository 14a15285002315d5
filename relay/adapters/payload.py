"""The base model of what carriers send."""

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """Part of a carrier's document: declare only the fields the adapter needs.

    Unknown fields are ignored, because carriers add fields without notice. Numbers
    become strings: one carrier sends a code as `5` in one document and as `"05"` in
    another. Errors never show input values, which may be a shopper's data.
    """

    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )
