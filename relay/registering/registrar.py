"""The registrar: from a request and the settings to a label, with its warnings."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from relay.carrier.contract import Carrier, ParcelView
from relay.labels import Correction, Delivery, HandOver, Label, Retelling
from relay.registering import linting
from relay.registering.choosing import Choosing, account_of
from relay.registering.correcting import Correcting, Known, resolved_anew
from relay.registering.dating import dated
from relay.registering.delivering import delivery
from relay.registering.handing_over import handed_over
from relay.registering.referring import Referred, referred
from relay.registering.requests import (
    CorrectionRequest,
    DeliveredRequest,
    HandOverRequest,
    LabelRequest,
    RetellRequest,
)
from relay.registering.resolving import Resolver
from relay.settings import ContractSettings, Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """What can be stored, and what is worth a look all the same."""

    value: T
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Registrar:
    """Checks what is to be registered; `carriers` are the adapters by contract.

    Both may be replaced while the process runs: ask for them anew each time.
    """

    settings: Settings
    carriers: Mapping[str, Carrier]

    def label(
        self,
        request: LabelRequest,
        now: datetime,
        visible: Collection[str] | None = None,
    ) -> Checked[Label]:
        """Return the label that *request* describes.

        *visible* are the accounts that exist for whoever asks, None for all.
        Raises `InvalidLabel` with the field at fault and the way out.
        """
        accounts = self.settings.accounts if visible is None else visible
        account = account_of(request, self.settings, accounts)
        choosing = Choosing(self.settings, self.carriers, account)
        contract = choosing.contract(request)
        linting.order_id(request.order_id)
        warnings = [*linting.invoice_number(request.invoice_number)]
        warnings += choosing.contradictions(request, contract)
        found = referred(request)
        if found.key is not None:
            warnings += linting.key_disagrees(found.key, request.invoice_number)
        fields = self._fields(request, found, self._resolver(contract))
        dates, doubts = dated(request, self.settings.account(account).zone, now)
        warnings += [*doubts, *_missing(request, found, contract)]
        label = Label(
            account=account,
            contract=contract.name,
            order_id=request.order_id,
            invoice_number=request.invoice_number,
            parcels=found.parcels,
            volumes=request.volumes,
            invoice_references=tuple(found.whole),
            announced=request.announced,
            imported=request.imported,
            **fields,
            **dates,
        )
        return Checked(label, tuple(warnings))

    def correction(
        self, request: CorrectionRequest, known: Known, now: datetime
    ) -> Checked[Correction]:
        """Return what *request* changes of a shipment.

        Raises `InvalidLabel` with the field at fault and the way out.
        """
        correcting = Correcting(self.settings, self._resolver, now)
        correction, warnings = correcting.corrected(request, known)
        return Checked(correction, tuple(warnings))

    def hand_over(self, request: HandOverRequest, known: Known) -> HandOver:
        """Return under what a second carrier speaks of a shipment.

        Raises `InvalidLabel` with the field at fault and the way out.
        """
        return handed_over(request, known, self.settings)

    def delivery(
        self, request: DeliveredRequest, known: Known, now: datetime
    ) -> Delivery:
        """Return what a person says of a shipment.

        Raises `InvalidLabel` with the field at fault and the way out.
        """
        return delivery(request, known, self.settings, now)

    def retelling(self, request: RetellRequest, known: Known) -> Retelling:
        """Return what VTEX is told again; the fields as settings have them now.

        A contract that is gone resolves nothing: what it resolved stays.
        """
        contract = self.settings.contracts.get(known.contract)
        events = request.what in {"events", "all"}
        if request.what == "events" or contract is None:
            anew: dict[str, str | None] = {}
        else:
            anew = resolved_anew(known, self._resolver(contract))
        return Retelling(request.what != "events", events, request.force, anew)

    def _resolver(self, contract: ContractSettings) -> Resolver:
        return Resolver(contract, self.carriers[contract.name])

    def _fields(
        self, request: LabelRequest, found: Referred, resolver: Resolver
    ) -> dict[str, Any]:
        """Resolve what VTEX is told, and say what of it the ERP gave itself."""
        key = found.key.key if found.key else None
        announce = resolver.number(found.number, key, request.invoice_number)
        first = next((p for p in found.parcels if p.tracking_number), found.parcels[0])
        view = ParcelView(
            references=(*first.references, *found.whole),
            tracking_number=found.number or announce or "",
            invoice_key=key or "",
            volume=first.volume or 1,
        )
        given = {
            "invoice_key": request.invoice_key,
            "tracking_url": request.tracking_url,
            "courier": request.courier,
            "promised_on": request.estimated_delivery_date,
        }
        url = linting.url(request.tracking_url) if request.tracking_url else None
        return {
            "invoice_key": key,
            "announce": announce,
            "tracking_url": url or (resolver.url(view) if announce else None),
            "courier": request.courier or resolver.courier(),
            "given": frozenset(name for name, value in given.items() if value),
        }


def _missing(
    request: LabelRequest, found: Referred, contract: ContractSettings
) -> Iterator[str]:
    """Warn of what may be missing, and is missed all the same."""
    if request.imported and request.dispatched_date is None:
        yield (
            "dispatchedDate: it is missing: scans from long before today are "
            "taken for an earlier parcel's with the same number"
        )
    if contract.tracking_number == "nfe_key" and found.key is None:
        yield (
            "invoiceKey: it is missing, and the contract announces it: VTEX is "
            "told nothing until it is registered"
        )
