"""What is wrong in options, in words: each mistake by its key, as it was written."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from relay.adapters.options import closest, instead

_Loc = tuple[str | int, ...]

_UNKNOWN: Final = "extra_forbidden"
_MISSING: Final = "missing"
_WORDS: Final = {
    _MISSING: "it is missing",
    "string_type": "it is not a text; write it in quotes",
    "string_too_short": "it is empty",
    "too_short": "it is empty",
    "tuple_type": "it is not a list; write it in [ ]",
    "int_type": "it is not a whole number",
    "int_parsing": "it is not a whole number",
    "int_from_float": "it is not a whole number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "literal_error": "it is not one of the known values; use {expected}",
    "enum": "it is not one of the known values; use {expected}",
    "union_tag_invalid": "it is not one of the known values; use {expected_tags}",
    "union_tag_not_found": "its kind is missing",
    "value_error": "{error}",
}
_NO_TABLE: Final = frozenset({"model_type", "mapping_type", "dict_type"})


def complaints(
    error: ValidationError,
    given: Mapping[str, Any],
    model: type[BaseModel],
    settings: Collection[str],
) -> Iterator[str]:
    """Yield what is wrong with *given*, options of *model*: mistyped keys first.

    *settings* are the keys of every contract; one of them may have been meant.
    """
    found = error.errors(include_input=False, include_url=False)
    unknown = [detail["loc"] for detail in found if detail["type"] == _UNKNOWN]
    meant = set()
    for loc in unknown:
        known = keys_at(model, loc[:-1])
        more = settings if len(loc) == 1 else ()
        meant.add((*loc[:-1], closest(str(loc[-1]), known)))
        hint = instead(str(loc[-1]), known, more)
        yield f"{_key(loc, given)}: there is no such key; {hint}"
    for detail in found:
        missing = detail["type"] == _MISSING
        if detail["loc"] not in unknown and not (missing and detail["loc"] in meant):
            key = _key(detail["loc"], given, whole=missing)
            yield f"{key}: {_words(detail, model)}"


def _words(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] in _NO_TABLE:
        keys = ", ".join(sorted(keys_at(model, detail["loc"])))
        return "it is not a table" + (f"; its keys: {keys}" if keys else "")
    if detail["type"] not in _WORDS:
        return detail["msg"].replace("Input should be", "it should be")
    return _WORDS[detail["type"]].format_map(detail.get("ctx", {}))


def _key(loc: _Loc, given: Any, *, whole: bool = False) -> str:
    """Spell *loc* as the key that was written: without what a short form stands for.

    Of a *whole* one the last part is shown, although nobody wrote it.
    """
    parts: list[str] = []
    if loc[0] == "signature":
        loc = loc[:1] + loc[2:]  # its kind is no part of the key
    for place, part in enumerate(loc):
        if _written(given, part):
            given = given[part]
        elif not (whole and place == len(loc) - 1):
            continue
        parts.append(str(part))
    return ".".join(parts)


def _written(given: Any, part: str | int) -> bool:
    """Whether *given* has that part, and no short form stands in its place."""
    if isinstance(part, int):
        return isinstance(given, list | tuple)
    return isinstance(given, Mapping) and part in given


def keys_at(model: type[BaseModel], loc: _Loc) -> frozenset[str]:
    """Return the keys of the table that stands at *loc* in options of *model*."""
    models = [model]
    for part in loc:
        if isinstance(part, str):
            models = [found for one in models for found in _below(one, part)]
    fields = [field for one in models for field in one.model_fields.items()]
    return frozenset(field.alias or name for name, field in fields)


def _below(model: type[BaseModel], part: str) -> Iterator[type[BaseModel]]:
    """Yield the tables that may stand at the key *part* of *model*.

    A part that is no key says of which kind the table itself is.
    """
    kind = model.model_fields.get("kind")
    if kind is not None and part in get_args(kind.annotation):
        yield model
        return
    for name, field in model.model_fields.items():
        if part == (field.alias or name):
            yield from _tables(field.annotation)


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _tables(part)
