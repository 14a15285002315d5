"""Our stable codes of pydantic's errors.

The types of errors are listed at https://docs.pydantic.dev/latest/errors/validation_errors/
"""

from collections.abc import Mapping
from typing import Final

from pydantic_core import ErrorDetails

from relay.problem_codes import ProblemCode

_OTHER_TYPE: Final = frozenset(
    {
        "string_type", "int_type", "float_type", "bool_type", "tuple_type",
        "list_type", "frozen_set_type", "model_type", "model_attributes_type",
        "mapping_type", "dict_type",
    }
)  # fmt: skip
"""A value has another JSON type; null means that it is missing."""
_CODES: Final[Mapping[str, ProblemCode]] = {
    "missing": ProblemCode.REQUIRED,
    "extra_forbidden": ProblemCode.UNKNOWN_FIELD,
    "int_from_float": ProblemCode.WRONG_TYPE,
    "string_too_short": ProblemCode.EMPTY,
    "too_short": ProblemCode.EMPTY,
    "string_too_long": ProblemCode.TOO_LONG,
    "too_long": ProblemCode.TOO_LONG,
    "greater_than": ProblemCode.OUT_OF_RANGE,
    "greater_than_equal": ProblemCode.OUT_OF_RANGE,
    "less_than_equal": ProblemCode.OUT_OF_RANGE,
    "int_parsing_size": ProblemCode.OUT_OF_RANGE,
    "enum": ProblemCode.UNKNOWN_VALUE,
    "literal_error": ProblemCode.UNKNOWN_VALUE,
}


def code_of(detail: ErrorDetails) -> ProblemCode:
    """Return the code of an error: its validator's, or that of its kind."""
    given = detail.get("ctx", {}).get("code")
    if given is not None:
        return ProblemCode(given)
    kind = detail["type"]
    if kind in _OTHER_TYPE:
        missing = detail["input"] is None
        return ProblemCode.REQUIRED if missing else ProblemCode.WRONG_TYPE
    return _CODES.get(kind, ProblemCode.INVALID_VALUE)
