"""The references of a label: those in it, and those in its invoice key."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from relay.domain.events import Reference, ReferenceKind, ReferenceLevel
from relay.domain.fiscal import NfeKey, invoice_reference
from relay.domain.labels import LabelParcel
from relay.errors import InvalidLabel
from relay.registration import checks
from relay.registration.requests import LabelRequest, ParcelRequest, ReferenceRequest

MOST_REFERENCES: Final = 2000
"""References of one label: two for each of the most parcels."""
_PARTS = 3
"""Parts of an invoice reference: issuer, series, number."""


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
    _refuse_more_than_volumes(request)
    if request.invoice_key is not None:
        found.key = checks.parse_invoice_key(request.invoice_key)
        found.whole += of_key(found.key)
    if request.parcels:
        _refuse_beside_parcels(request)
        shared = list(_checked(request.references, "references"))
        if any(r.kind.level is ReferenceLevel.PARCEL for r in shared):
            raise InvalidLabel(
                "contains a parcel's reference, but the label has `parcels`",
                field="references",
                hint="move it into `parcels`",
            )
        parcels = [
            _parcel(p, f"parcels[{place}].", found)
            for place, p in enumerate(request.parcels)
        ]
    else:
        shared = []
        parcel = ParcelRequest.model_construct(
            tracking_number=request.tracking_number,
            volume=request.volume,
            references=request.references,
        )
        parcels = [_parcel(parcel, "", found)]
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
        )


def _refuse_beside_parcels(request: LabelRequest) -> None:
    for name in ("tracking_number", "volume"):
        if getattr(request, name) is not None:
            raise InvalidLabel(
                "not allowed together with `parcels`",
                field={"tracking_number": "trackingNumber"}.get(name, name),
                hint="move it into `parcels`",
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
            )


def _parcel(
    request: ParcelRequest, where: str, found: ResolvedReferences
) -> LabelParcel:
    number = request.tracking_number
    if number is not None:
        checks.check_code(number, f"{where}trackingNumber")
    given = list(_checked(request.references, f"{where}references"))
    found.whole += [r for r in given if r.kind.level is not ReferenceLevel.PARCEL]
    own = tuple(r for r in given if r.kind.level is ReferenceLevel.PARCEL)
    return LabelParcel(number, request.volume, own)


def _checked(requests: Iterable[ReferenceRequest], where: str) -> Iterator[Reference]:
    for place, request in enumerate(requests):
        yield from _reference(request, f"{where}[{place}].value")


def _reference(request: ReferenceRequest, field: str) -> list[Reference]:
    kind, value = request.type, request.value
    match kind:
        case ReferenceKind.INVOICE_KEY:
            return of_key(checks.parse_invoice_key(value, field))
        case ReferenceKind.CTE_KEY:
            value = checks.parse_cte_key(value, field)
        case ReferenceKind.INVOICE:
            value = _invoice(value, field)
        case ReferenceKind.ORDER_ID:
            pass
        case _:
            value = checks.check_code(value, field)
    return [Reference(kind=kind, value=value)]


def _invoice(text: str, field: str) -> str:
    """Return `issuer/series/number` in normal form; an issuer may contain a slash."""
    parts = text.rsplit("/", _PARTS - 1)
    if len(parts) != _PARTS or not all(p.strip() for p in parts):
        raise InvalidLabel(
            "not an invoice in the form issuer/series/number",
            field=field,
            hint="write for example 11222333000181/1/12345",
        )
    return invoice_reference(*parts)


def of_key(key: NfeKey) -> list[Reference]:
    """Return the references by which carriers may name the invoice of *key*."""
    return [
        Reference(kind=ReferenceKind.INVOICE_KEY, value=key.key),
        Reference(kind=ReferenceKind.INVOICE, value=key.reference),
    ]
