"""Parse a label, and report all of its problems at once."""

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic_core import from_json

from relay.errors import RegistrationError
from relay.invalid_fields import InvalidFields, all_of
from relay.problem_codes import ProblemCode
from relay.registration.registrar import Registrar
from relay.registration.requests import LabelRequest
from relay.service.validation import parse_json
from relay.text import UNSTORABLE, without_lone_surrogates


def parse_label(
    body: bytes,
    registrar: Registrar,
    visible: Collection[str],
    now: datetime,
    wrong: Sequence[RegistrationError] = (),
) -> LabelRequest:
    """Return the label in the JSON *body*.

    *wrong* are problems of fields that are missing in it. Raises `RefusedRequest` if
    it is not JSON, and `InvalidLabel` with all problems: of values, of account and
    contract among the *visible* accounts, and of fields that contradict each other.
    """
    invalid = InvalidFields()
    with invalid.collect():
        request = parse_json(body, LabelRequest)
        if not wrong:
            return request
    left_out = {error.field for error in wrong}
    invalid.found = [
        *wrong,
        *(e for e in invalid.found if not _follows(e, left_out)),
    ]
    fields = from_json(without_lone_surrogates(body, UNSTORABLE))
    if isinstance(fields, dict):
        found = tuple(invalid.found)
        invalid.found += registrar.naming_problems(fields, visible, found)
        invalid.found += registrar.contradictions(fields, found, now)
    raise all_of(invalid.found)


def _follows(error: RegistrationError, left_out: Collection[str]) -> bool:
    """Whether a field is missing only because its value was wrong."""
    return error.code is ProblemCode.REQUIRED and error.field in left_out
