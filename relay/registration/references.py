"""The references of a label: those in it, and those in its invoice key."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from relay.domain.events import Reference, ReferenceKind, ReferenceLevel
from relay.domain.fiscal import NfeKey
from relay.domain.labels import MOST_REFERENCES, LabelParcel
from relay.errors import InvalidLabel
from relay.invalid_fields import InvalidFields
from relay.problem_codes import ProblemCode
from relay.registration import checks
from relay.registration.requests import LabelRequest, ParcelRequest, ReferenceRequest


@dataclass(slots=True)
class ResolvedReferences:
    """References of a label, by parcel and of the whole invoice."""

    parcels: tuple[LabelParcel, ...] = ()
    whole: list[Reference] = field(default_factory=list)
    key: NfeKey | None = None

    @property
    def number(self) -> str | None:
        """The first tracking number of its parcels."""
        return next(
            (p.tracking_number for p in self.parcels if p.tracking_number), None
        )


def resolve_references(request: LabelRequest) -> ResolvedReferences:
    """Check and sort the numbers, keys and references of a label.

    Raises `InvalidLabel` with the field at fault.
    """
    found = ResolvedReferences()
    invalid = InvalidFields()
    with invalid.collect():
        _refuse_more_than_volumes(request)
    if request.parcels:
        _refuse_beside_parcels(request, invalid)
    invalid.refuse()
    if request.invoice_key is not None:
        found.key = checks.parse_invoice_key(request.invoice_key)
        found.whole += of_key(found.key)
    if request.parcels:
        shared = _given(request.references)
        parcels = [_parcel(p, found) for p in request.parcels]
    else:
        shared = []
        parcel = ParcelRequest.model_construct(
            tracking_number=request.tracking_number,
            volume=request.volume,
            references=request.references,
        )
        parcels = [_parcel(parcel, found)]
    found.whole += shared
    found.whole = list(dict.fromkeys(found.whole))
    found.parcels = tuple(parcels)
    _refuse_too_many(found)
    return found


def _refuse_too_many(found: ResolvedReferences) -> None:
    """Refuse a label whose references together would hold up others."""
    count = len(found.whole) + sum(len(p.references) for p in found.parcels)
    if count > MOST_REFERENCES:
        raise InvalidLabel(
            f"{count:,} references in all; at most {MOST_REFERENCES:,}",
            field="parcels",
            hint="give each parcel only those that the carrier uses",
            code=ProblemCode.TOO_LONG,
        )


def _refuse_beside_parcels(request: LabelRequest, invalid: InvalidFields) -> None:
    """Collect fields of a parcel that stand beside `parcels`."""
    beside = "not allowed together with `parcels`"
    wrong = {
        name: beside
        for name, value in (
            ("trackingNumber", request.tracking_number),
            ("volume", request.volume),
        )
        if value is not None
    }
    if any(r.type.level is ReferenceLevel.PARCEL for r in request.references):
        problem = "contains a parcel's reference, but the label has `parcels`"
        wrong["references"] = problem
    hint, code = "move it into `parcels`", ProblemCode.CONTRADICTION
    invalid.found += (
        InvalidLabel(problem, field=field, hint=hint, code=code)
        for field, problem in wrong.items()
    )


def _refuse_more_than_volumes(request: LabelRequest) -> None:
    """Refuse a label with more parcels than `volumes` says."""
    if request.volumes is None:
        return
    given = (request.volume, *(p.volume for p in request.parcels))
    highest = max((v for v in given if v is not None), default=0)
    found = {"volume": highest, "parcel": len(request.parcels)}
    for what, number in found.items():
        if number > request.volumes:
            raise InvalidLabel(
                f"is {request.volumes}, but the label has a {what} {number}",
                field="volumes",
                hint="remove `volumes`, or correct it",
                code=ProblemCode.CONTRADICTION,
            )


def _parcel(request: ParcelRequest, found: ResolvedReferences) -> LabelParcel:
    given = _given(request.references)
    found.whole += [r for r in given if r.kind.level is not ReferenceLevel.PARCEL]
    own = tuple(r for r in given if r.kind.level is ReferenceLevel.PARCEL)
    return LabelParcel(request.tracking_number, request.volume, own)


def _given(requests: Iterable[ReferenceRequest]) -> list[Reference]:
    return [
        reference
        for request in requests
        for reference in _references(request.type, request.value)
    ]


def _references(kind: ReferenceKind, text: str) -> list[Reference]:
    value = checks.check_reference(kind, text)
    if kind is ReferenceKind.INVOICE_KEY:
        return of_key(NfeKey.parse(value))
    return [Reference(kind=kind, value=value)]


def of_key(key: NfeKey) -> list[Reference]:
    """Return the references by which carriers may name the invoice of *key*."""
    return [
        Reference(kind=ReferenceKind.INVOICE_KEY, value=key.key),
        Reference(kind=ReferenceKind.INVOICE, value=key.reference),
    ]
