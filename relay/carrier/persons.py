"""Which fields of a document look as if they were about a person; a guess."""

import re
from collections.abc import Iterator
from typing import Any, Final

_WHO: Final = re.compile(
    r"recipient|receiver|receb|destinat|consignee|customer|cliente|buyer|comprador"
    r"|signat|assinat|firma"
)
"""Names of fields that are about somebody as a whole."""

_WHAT: Final = re.compile(
    r"(^|_)(cpf|rg|dni|documento?|phone|telefone|telefono|celular|mobile|e-?mail"
    r"|latitude|longitude|lat|lng)($|_)"
)
"""Names of single fields that tell who, or where somebody lives."""

_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Path = tuple[str, ...]


def personal_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of *value*, JSON, that may be about a person.

    A list on the way is entered by itself, as `personal_fields` do.
    """
    if isinstance(value, list):
        for item in value:
            yield from personal_paths(item, path)
    elif isinstance(value, dict):
        for key, part in value.items():
            if part and is_personal(str(key), part):
                yield (*path, str(key))
            else:
                yield from personal_paths(part, (*path, str(key)))


def is_personal(key: str, value: Any) -> bool:
    """Whether the field *key* may be about a person, by its name."""
    spelled = _HUMPS.sub("_", key).lower().replace("-", "_")
    if _WHO.search(spelled):
        return True
    return not isinstance(value, dict | list) and _WHAT.search(spelled) is not None
