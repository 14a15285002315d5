"""The registrar: turns requests into labels and corrections, with warnings."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from relay.adapters.protocol import Carrier
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.domain.events import ParcelView
from relay.domain.labels import Correction, Delivery, Handover, Label, ResendOrder
from relay.errors import InvalidLabel, RegistrationError
from relay.invalid_fields import InvalidFields
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.registration import checks
from relay.registration.check_digits import check_digits, numbers_of
from relay.registration.checks import resolve_dates
from relay.registration.contract_choice import ContractChoice, choose, naming_problems
from relay.registration.corrections import (
    CorrectionFields,
    CorrectionResolver,
    RegisteredShipment,
    resolve_again,
)
from relay.registration.handovers import carrier_handover
from relay.registration.partial_label import contradictions
from relay.registration.references import ResolvedReferences, resolve_references
from relay.registration.requests import (
    CorrectionRequest,
    DeliveredRequest,
    HandoverRequest,
    LabelRequest,
    ResendRequest,
)

TEXTS: Final = {"pt": "Entregue", "es": "Entregado", "en": "Delivered"}
"""What shoppers read of a delivery that an operator reported, by language."""


def delivery(
    request: DeliveredRequest,
    known: RegisteredShipment,
    settings: Settings,
    now: datetime,
) -> Delivery:
    """Return the delivery that an operator reports; raise `InvalidLabel`."""
    account, field = settings.account(known.account), "occurredAt"
    if request.volume is not None and request.volume not in known.numbers:
        raise InvalidLabel(
            f"the invoice has only volumes 1 to {len(known.numbers)}",
            field="volume",
            hint="remove it if all of them were delivered",
            code=ProblemCode.UNKNOWN_VOLUME,
        )
    occurred_at = checks.parse_event_time(request.occurred_at, account.zone, field)
    if occurred_at > now:
        raise InvalidLabel(
            "in the future", field=field, hint="send the time of the delivery",
            code=ProblemCode.INVALID_DATE,
        )  # fmt: skip
    checks.refuse_placeholder(occurred_at, now, field)
    text = request.description or TEXTS[account.language]
    return Delivery(occurred_at, request.volume or 0, text)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CheckedLabel(Generic[T]):
    """A checked value to store, with warnings."""

    value: T
    warnings: tuple[CodedWarning, ...] = ()


@dataclass(slots=True)
class Registrar:
    """Checks requests; `carriers` are the adapters by contract.

    Both may be replaced while the process runs, so nothing here caches them.
    """

    settings: Settings
    carriers: Mapping[str, Carrier]

    def label(
        self,
        request: LabelRequest,
        now: datetime,
        visible: Collection[str] | None = None,
    ) -> CheckedLabel[Label]:
        """Return the label that *request* describes.

        *visible* are the accounts that the caller may access, None for all.
        Raises `InvalidLabel` with all fields at fault and hints.
        """
        accounts = self.settings.accounts if visible is None else visible
        account, contract, found, warnings = self._resolve(request, accounts, now)
        warnings += checks.invoice_number_warnings(request.invoice_number)
        if found.key is not None:
            warnings += checks.compare_key(found.key, request.invoice_number)
        fields = self._fields(request, found, self._resolver(contract))
        dates, more = resolve_dates(request, self.settings.account(account).zone, now)
        warnings += [*more, *_missing(found, contract)]
        if not request.tracking_sent:
            page = fields["tracking_url"]
            warnings += checks.missing_page(fields["send_tracking"], page)
        label = Label(
            account=account,
            contract=contract.name,
            order_id=request.order_id,
            invoice_number=request.invoice_number,
            parcels=found.parcels,
            volumes=request.volumes,
            invoice_references=tuple(found.whole),
            tracking_sent=request.tracking_sent,
            imported=request.imported,
            **fields,
            **dates,
        )
        return CheckedLabel(label, tuple(warnings))

    def _resolve(
        self, request: LabelRequest, accounts: Collection[str], now: datetime
    ) -> tuple[str, ContractSettings, ResolvedReferences, list[CodedWarning]]:
        """Return account, contract and references, and warnings of their values.

        Raises `InvalidLabel` with all fields at fault.
        """
        invalid = InvalidFields()
        found, warnings = ResolvedReferences(), list[CodedWarning]()
        with invalid.collect():
            found = resolve_references(request)
        with invalid.collect():  # no zone changes whether a date is a placeholder
            resolve_dates(request, ZoneInfo("UTC"), now)
        account, contract = choose(
            request, self.settings, self.carriers, accounts, invalid
        )
        if contract is not None:
            choosing = ContractChoice(self.settings, self.carriers, account)
            warnings += choosing.contradictions(request, contract)
            numbers = numbers_of(found.parcels, listed=bool(request.parcels))
            warnings += check_digits(numbers, self.carriers[contract.name])
        invalid.refuse()
        assert contract is not None  # noqa: S101 -- else it was refused
        return account, contract, found, warnings

    def naming_problems(
        self,
        fields: Mapping[str, Any],
        visible: Collection[str],
        found: Sequence[RegistrationError],
    ) -> list[RegistrationError]:
        """Return what is wrong with account and contract of a label.

        *fields* are its JSON fields, which have the problems *found*; *visible* are
        the accounts that the caller may access.
        """
        return naming_problems(fields, self.settings, self.carriers, visible, found)

    def contradictions(
        self,
        fields: Mapping[str, Any],
        found: Sequence[RegistrationError],
        now: datetime,
    ) -> list[RegistrationError]:
        """Return which *fields* of a label with the problems *found* contradict."""
        name = fields.get("account")
        account = self.settings.accounts.get(name) if isinstance(name, str) else None
        zone = account.zone if account else ZoneInfo("UTC")
        return contradictions(fields, found, zone, now)

    def correction(
        self, request: CorrectionRequest, known: RegisteredShipment, now: datetime
    ) -> CheckedLabel[Correction]:
        """Return what *request* changes of a shipment.

        Raises `InvalidLabel` with the field at fault and a hint.
        """
        correcting = CorrectionResolver(self.settings, self._resolver, now)
        correction, warnings = correcting.corrected(request, known)
        return CheckedLabel(correction, tuple(warnings))

    def handover(
        self, request: HandoverRequest, known: RegisteredShipment
    ) -> CheckedLabel[Handover]:
        """Return the contract and references of a shipment's second carrier.

        Raises `InvalidLabel` with the field at fault and a hint.
        """
        handover = carrier_handover(request, known, self.settings)
        numbers = [("trackingNumber", n)] if (n := request.tracking_number) else []
        warnings = check_digits(numbers, self.carriers[handover.contract])
        return CheckedLabel(handover, tuple(warnings))

    def delivery(
        self, request: DeliveredRequest, known: RegisteredShipment, now: datetime
    ) -> Delivery:
        """Return the delivery that an operator reports of a shipment.

        Raises `InvalidLabel` with the field at fault and a hint.
        """
        return delivery(request, known, self.settings, now)

    def resend_order(
        self, request: ResendRequest, known: RegisteredShipment
    ) -> ResendOrder:
        """Return what to resend, with the fields of the current settings.

        Resolved fields stay unchanged if the contract was removed from the settings.
        """
        contract = self.settings.contracts.get(known.contract)
        events = request.what in {"events", "all"}
        if request.what == "events" or contract is None:
            renewed: dict[str, str | None] = {}
        else:
            renewed = resolve_again(known, self._resolver(contract))
        return ResendOrder(request.what != "events", events, request.force, renewed)

    def _resolver(self, contract: ContractSettings) -> CorrectionFields:
        return CorrectionFields(contract, self.carriers[contract.name])

    def _fields(
        self,
        request: LabelRequest,
        found: ResolvedReferences,
        resolver: CorrectionFields,
    ) -> dict[str, Any]:
        """Resolve the fields that VTEX gets; `given` names those that the ERP sent."""
        key = found.key.key if found.key else None
        send_tracking = resolver.number(found.number, key, request.invoice_number)
        first = next((p for p in found.parcels if p.tracking_number), found.parcels[0])
        view = ParcelView(
            references=(*first.references, *found.whole),
            tracking_number=found.number or send_tracking or "",
            invoice_key=key or "",
            volume=first.volume or 1,
        )
        given = {
            "invoice_key": request.invoice_key,
            "tracking_url": request.tracking_url,
            "courier": request.courier,
            "promised_on": request.estimated_delivery_date,
        }
        url = checks.check_url(request.tracking_url) if request.tracking_url else None
        return {
            "invoice_key": key,
            "send_tracking": send_tracking,
            "tracking_url": url or (resolver.url(view) if send_tracking else None),
            "courier": request.courier or resolver.courier(),
            "given": frozenset(name for name, value in given.items() if value),
        }


def _missing(
    found: ResolvedReferences, contract: ContractSettings
) -> Iterator[CodedWarning]:
    """Yield warnings of optional fields that this label needs."""
    if contract.tracking_number == "nfe_key" and found.key is None:
        yield CodedWarning(
            WarningCode.INVOICE_KEY_MISSING,
            "missing, but the contract sends it as tracking number, so VTEX gets "
            "nothing until it is registered; send it",
            "invoiceKey",
        )
