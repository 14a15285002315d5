"""Resolve what a correction changes of a shipment, as at registration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from relay.adapters.protocol import Carrier
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.domain.fiscal import NfeKey
from relay.domain.labels import Correction
from relay.errors import InvalidLabel
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.registration import checks
from relay.registration.check_digits import check_digits
from relay.registration.checks import resolve_dates
from relay.registration.contract_choice import named_contract
from relay.registration.contract_terms import resolve_contract_options
from relay.registration.references import of_key
from relay.registration.requests import CorrectionRequest


@dataclass(frozen=True, slots=True)
class CorrectionFields:
    """Resolves fields that the ERP left out, by one contract and its adapter."""

    contract: ContractSettings
    carrier: Carrier

    def number(
        self, given: str | None, invoice_key: str | None, invoice_number: str
    ) -> str | None:
        """Return the tracking number to send, None while there is none.

        With `from_carrier` a number that the ERP gave counts as well.
        """
        by_setting = {"nfe_key": invoice_key, "invoice_number": invoice_number}
        return by_setting.get(self.contract.tracking_number, given)

    def courier(self) -> str:
        """Return the carrier's name as shoppers read it."""
        return self.contract.courier or self.carrier.display_name

    def url(self, parcel: ParcelView) -> str | None:
        """Return the tracking page of *parcel*: by template, else by adapter."""
        return resolve_contract_options(self.contract, self.carrier, parcel)[1]


_BY_SETTINGS: Final = ("courier", "tracking_url")
_CORRECTED: Final = (
    "tracking_number", "tracking_url", "courier", "contract", "invoice_key",
    "dispatched_date", "estimated_delivery_date", "volumes",
)  # fmt: skip
_OF_KEY: Final = (ReferenceKind.INVOICE_KEY, ReferenceKind.INVOICE)
Resolving = Callable[[ContractSettings], CorrectionFields]


@dataclass(frozen=True, slots=True)
class RegisteredShipment:
    """A registered shipment, as far as a correction needs it.

    `numbers` are the tracking numbers by volume.
    """

    account: str
    contract: str
    invoice_number: str
    numbers: Mapping[int, str | None]
    invoice_key: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    courier: str | None = None
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectionResolver:
    """Resolves corrections of registered shipments with the current settings."""

    settings: Settings
    resolving: Resolving
    now: datetime

    def corrected(
        self, request: CorrectionRequest, known: RegisteredShipment
    ) -> tuple[Correction, list[CodedWarning]]:
        """Return what *request* changes of a shipment, and warnings."""
        _check(request, known)
        key, key_warnings = _key(request, known)
        zone = self.settings.account(known.account).zone
        dates, date_warnings = resolve_dates(request, zone, self.now)
        name = request.contract or known.contract
        after = named_contract(name, self.settings, known.account)
        tracking_sent, url_warnings = self._tracking_sent(
            request, known, _rekeyed(known, key), after
        )
        correction = Correction(
            was=(known.contract, known.numbers[request.volume]),
            contract=name,
            volume=request.volume,
            number=request.tracking_number,
            volumes=request.volumes,
            tracking_sent=tracking_sent,
            keep=request.history == "keep",
            given=frozenset(n for n in _BY_SETTINGS if getattr(request, n) is not None),
            invoice_key=key.key if key else None,
            key_references=tuple(of_key(key)) if key else (),
            **dates,
        )
        numbers = [("trackingNumber", n)] if (n := request.tracking_number) else []
        digits = check_digits(numbers, self.resolving(after).carrier)
        return correction, [*key_warnings, *date_warnings, *url_warnings, *digits]

    def _tracking_sent(
        self,
        request: CorrectionRequest,
        known: RegisteredShipment,
        renewed: RegisteredShipment,
        contract: ContractSettings,
    ) -> tuple[dict[str, str | None], list[CodedWarning]]:
        """Resolve again what was resolved; what the ERP gave stays."""
        was = self.settings.contracts.get(known.contract)
        before, after = self.resolving(was) if was else None, self.resolving(contract)
        number = _number(request, renewed, after)
        old = _view(known, known.numbers, known.tracking_number)
        given = request.tracking_number or known.numbers[request.volume]
        numbers = {**known.numbers, request.volume: given}
        new = _view(renewed, numbers, number)
        url, courier = known.tracking_url, known.courier
        warnings: list[CodedWarning] = []
        if request.tracking_url is not None:
            url = checks.check_url(request.tracking_url)
        elif url is None or (before and url == before.url(old)):
            url = after.url(new) if number else None
        elif number != known.tracking_number:
            text = "was given for the old number and stays; send a new one"
            code = WarningCode.TRACKING_URL_UNCHANGED
            warnings.append(CodedWarning(code, text, "trackingUrl"))
        if request.courier is not None:
            courier = request.courier
        elif courier is None or (before and courier == before.courier()):
            courier = after.courier()
        if number != known.tracking_number:
            warnings += checks.missing_page(number, url)
        changed = {"tracking_number": number, "tracking_url": url, "courier": courier}
        return changed, warnings


def _check(request: CorrectionRequest, known: RegisteredShipment) -> None:
    if all(getattr(request, name) is None for name in _CORRECTED):
        names = (CorrectionRequest.model_fields[name].alias for name in _CORRECTED)
        raise InvalidLabel(
            "nothing to correct",
            hint=f"send a field to change: {', '.join(map(str, names))}",
            code=ProblemCode.NOTHING_TO_CHANGE,
        )
    if request.volume not in known.numbers:
        raise InvalidLabel(
            f"the invoice has only volumes 1 to {len(known.numbers)}",
            field="volume",
            hint="POST a label with this `volume` to add a parcel",
            code=ProblemCode.UNKNOWN_VOLUME,
        )
    if request.volumes is not None and request.volume > request.volumes:
        raise InvalidLabel(
            f"volume {request.volume} does not exist with {request.volumes} volumes",
            field="volume",
            hint="name a volume that stays, or leave `volumes` out",
            code=ProblemCode.CONTRADICTION,
        )


def _key(
    request: CorrectionRequest, known: RegisteredShipment
) -> tuple[NfeKey | None, list[CodedWarning]]:
    """Check the invoice's key like that of a label."""
    if request.invoice_key is None:
        return None, []
    key = checks.parse_invoice_key(request.invoice_key)
    return key, [*checks.compare_key(key, known.invoice_number)]


def _rekeyed(known: RegisteredShipment, key: NfeKey | None) -> RegisteredShipment:
    """Return *known* with the corrected key."""
    if key is None:
        return known
    others = (r for r in known.references if r.kind not in _OF_KEY)
    references = (*others, *of_key(key))
    return replace(known, invoice_key=key.key, references=references)


def resolve_again(
    known: RegisteredShipment, resolver: CorrectionFields
) -> dict[str, str | None]:
    """Return the fields to send to VTEX with the current settings."""
    given = known.tracking_number
    number = resolver.number(given, known.invoice_key, known.invoice_number)
    url = resolver.url(_view(known, known.numbers, number)) if number else None
    return {
        "tracking_number": number,
        "tracking_url": url,
        "courier": resolver.courier(),
    }


def _number(
    request: CorrectionRequest, known: RegisteredShipment, after: CorrectionFields
) -> str | None:
    """Return the number to send: an invoice has one, that of its first parcel."""
    given = known.tracking_number
    was = known.numbers[request.volume]
    if request.tracking_number is not None and given in {None, was}:
        given = request.tracking_number
    return after.number(given, known.invoice_key, known.invoice_number)


def _view(
    known: RegisteredShipment,
    numbers: Mapping[int, str | None],
    tracking_sent: str | None,
) -> ParcelView:
    """Return the first parcel with a number, as at registration."""
    volume = next((v for v in sorted(numbers) if numbers[v]), 1)
    return ParcelView(
        references=known.references,
        tracking_number=numbers[volume] or tracking_sent or "",
        invoice_key=known.invoice_key or "",
        volume=volume,
    )
