"""Descriptions of the API's fields, for `/openapi.json`.

A field name means the same in every model, so it is described once; `Model.field`
describes one that differs. A description in the model itself comes first. The texts are
in `field_descriptions.toml`.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

DESCRIPTIONS: Final[Mapping[str, str]] = tomllib.loads(
    files("relay.api").joinpath("field_descriptions.toml").read_text(encoding="utf-8")
)


def add_descriptions(definitions: Mapping[str, Any]) -> None:
    """Describe the fields in a document's *definitions* that are not described."""
    for model, definition in definitions.items():
        for field, schema in definition.get("properties", {}).items():
            text = DESCRIPTIONS.get(f"{model}.{field}") or DESCRIPTIONS.get(field)
            if text is not None:
                schema.setdefault("description", text)
