"""Under what a second carrier speaks of a parcel that it takes on."""

from relay.errors import InvalidLabel
from relay.labels import HandOver, LabelParcel, parcel_references
from relay.registering.choosing import named_contract
from relay.registering.correcting import Known
from relay.registering.referring import referred
from relay.registering.requests import HandOverRequest, LabelRequest
from relay.settings import Settings
from relay.tracking import Level, Reference


def handed_over(request: HandOverRequest, known: Known, settings: Settings) -> HandOver:
    """Return what is registered for the second carrier of a shipment.

    Of an invoice with several volumes it has this one only: what it says of the
    invoice counts for that volume. Raises `InvalidLabel`.
    """
    if request.volume not in known.numbers:
        raise InvalidLabel(
            f"the invoice has volumes 1 to {len(known.numbers)}", field="volume",
            way_out="give the volume that changed hands",
        )  # fmt: skip
    contract = named_contract(request.contract, settings, known.account)
    parcel, given = _given(request)
    alone = len(known.numbers) == 1
    shared = [r for r in known.references if _is_shared(r, alone=alone)]
    whole = [(r, 0 if alone else request.volume) for r in (*given, *shared)]
    own = [(r, request.volume) for r in parcel_references(parcel)]
    if all(r.kind.level is Level.ORDER for r, _ in (*own, *whole)):
        raise InvalidLabel(
            "nothing says under what the second carrier speaks of the parcel",
            field="trackingNumber",
            way_out="give `trackingNumber`, or `references`",
        )
    placed = tuple(dict.fromkeys((*own, *whole)))
    return HandOver(contract.name, request.volume, placed)


def _given(request: HandOverRequest) -> tuple[LabelParcel, list[Reference]]:
    """Check the second carrier's numbers as those of a label are."""
    as_label = LabelRequest.model_construct(
        order_id="",
        invoice_number="",
        tracking_number=request.tracking_number,
        references=request.references,
    )
    found = referred(as_label)
    return found.parcels[0], found.whole


def _is_shared(reference: Reference, *, alone: bool) -> bool:
    """Whether every carrier of the invoice knows a reference.

    An order id says nothing of one volume among several.
    """
    level = reference.kind.level
    return level is Level.INVOICE or (level is Level.ORDER and alone)
