"""Check digits of tracking numbers: refused or warned of, by what the adapter knows.

A carrier that knows the form of its numbers never scans one with another digit, so it
is refused while the ERP can correct it. Other carriers may use numbers that only look
like postal ones, so they cause a warning.
"""

from collections.abc import Iterable, Iterator

from relay.adapters.protocol import Carrier, NumberedCarrier
from relay.domain.fiscal import has_wrong_key_digit
from relay.domain.labels import LabelParcel
from relay.domain.postal import wrong_postal_digit
from relay.errors import InvalidLabel
from relay.invalid_fields import InvalidFields
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode

_COMPARE = "compare the number with the label"


def numbers_of(
    parcels: Iterable[LabelParcel], *, listed: bool
) -> Iterator[tuple[str, str]]:
    """Yield the tracking numbers of a label, each with its field."""
    for place, parcel in enumerate(parcels):
        if parcel.tracking_number is not None:
            where = f"parcels[{place}]." if listed else ""
            yield f"{where}trackingNumber", parcel.tracking_number


def check_digits(
    numbers: Iterable[tuple[str, str]], carrier: Carrier
) -> list[CodedWarning]:
    """Return warnings of *numbers*, each with its field; raise `InvalidLabel`."""
    invalid = InvalidFields()
    warnings: list[CodedWarning] = []
    for field, number in numbers:
        if isinstance(carrier, NumberedCarrier):
            with invalid.collect():
                _refuse(field, carrier.number_problem(number))
        else:
            warnings += _doubts(field, number)
    invalid.refuse()
    return warnings


def _refuse(field: str, problem: str | None) -> None:
    if problem is not None:
        code = ProblemCode.WRONG_CHECK_DIGIT
        raise InvalidLabel(problem, field=field, hint=_COMPARE, code=code)


def _doubts(field: str, number: str) -> Iterator[CodedWarning]:
    right = wrong_postal_digit(number)
    if right is not None:
        problem = f"looks like a postal number, but its check digit would be {right}"
    elif has_wrong_key_digit(number):
        problem = "looks like the key of an NF-e or CT-e, but its check digit is wrong"
    else:
        return
    code = WarningCode.CHECK_DIGIT_DOUBTFUL
    yield CodedWarning(code, f"{problem}; {_COMPARE}", field)
