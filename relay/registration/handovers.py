"""Carrier handovers: what is registered for a shipment's second carrier."""

from relay.config.settings import Settings
from relay.domain.events import Reference, ReferenceLevel
from relay.domain.labels import Handover, LabelParcel, parcel_references
from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode
from relay.registration.contract_choice import named_contract
from relay.registration.corrections import RegisteredShipment
from relay.registration.references import resolve_references
from relay.registration.requests import HandoverRequest, LabelRequest


def carrier_handover(
    request: HandoverRequest, known: RegisteredShipment, settings: Settings
) -> Handover:
    """Return what is registered for the second carrier of a shipment.

    Of an invoice with several volumes it has only this one: its events about the
    invoice count for that volume. Raises `InvalidLabel`.
    """
    if request.volume not in known.numbers:
        raise InvalidLabel(
            f"the invoice has only volumes 1 to {len(known.numbers)}", field="volume",
            hint="send the volume that the second carrier takes",
            code=ProblemCode.UNKNOWN_VOLUME,
        )  # fmt: skip
    contract = named_contract(request.contract, settings, known.account)
    parcel, given = _given(request)
    alone = len(known.numbers) == 1
    shared = [r for r in known.references if _is_shared(r, alone=alone)]
    whole = [(r, 0 if alone else request.volume) for r in (*given, *shared)]
    own = [(r, request.volume) for r in parcel_references(parcel)]
    if all(r.kind.level is ReferenceLevel.ORDER for r, _ in (*own, *whole)):
        raise InvalidLabel(
            "required, because the second carrier needs a reference of the parcel",
            field="trackingNumber",
            hint="send `trackingNumber` or `references`",
            code=ProblemCode.REQUIRED,
        )
    placed = tuple(dict.fromkeys((*own, *whole)))
    return Handover(contract.name, request.volume, placed)


def _given(request: HandoverRequest) -> tuple[LabelParcel, list[Reference]]:
    """Check the second carrier's numbers like those of a label."""
    as_label = LabelRequest.model_construct(
        order_id="",
        invoice_number="",
        tracking_number=request.tracking_number,
        references=request.references,
    )
    found = resolve_references(as_label)
    return found.parcels[0], found.whole


def _is_shared(reference: Reference, *, alone: bool) -> bool:
    """Return whether every carrier of the invoice knows a reference.

    An order id does not identify one volume among several.
    """
    level = reference.kind.level
    return level is ReferenceLevel.INVOICE or (level is ReferenceLevel.ORDER and alone)
