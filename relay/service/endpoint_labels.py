"""Labels of the VTEX-compatible endpoint: registered, or corrected as a PATCH does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from pydantic_core import to_json

from relay.config.endpoint import EndpointPair
from relay.domain.shipment import CANCELLED
from relay.errors import Conflict
from relay.problem_codes import ProblemCode, WarningCode
from relay.registration.contract_choice import ContractChoice
from relay.registration.requests import CorrectionRequest, LabelRequest
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.models import ShipmentAnswer
from relay.service.shipment_actions import ShipmentActionService
from relay.service.shipments import ShipmentService
from relay.service.validation import parse_fields
from relay.store.shipment_lists import ListedShipment, ShipmentFilter

_CORRECTED: Final = frozenset(
    {ProblemCode.TRACKING_NUMBER_CONFLICT, ProblemCode.CONTRACT_CONFLICT}
)
_OVERWRITTEN: Final[Sequence[str]] = ("trackingNumber", "trackingUrl", "courier")
"""Fields that a second PATCH changes at VTEX; of dates the earliest counts here."""


@dataclass(frozen=True, slots=True)
class EndpointLabels:
    """Registers labels of one key pair."""

    context: ServiceContext
    pair: EndpointPair

    @property
    def caller(self) -> Caller:
        """The pair as a caller, who may access one account."""
        return Caller(self.pair.caller_name, (self.pair.account,))

    async def find(self, order_id: str, invoice_number: str) -> ListedShipment | None:
        """Return the shipment of an invoice, None if it is not registered."""
        wanted = ShipmentFilter(
            accounts=[self.pair.account],
            order_id=order_id,
            invoice_number=invoice_number,
        )
        context = self.context
        page = await context.shipment_lists.shipments(wanted, context.now(), limit=1)
        return next(iter(page.shipments), None)

    def request(
        self,
        order_id: str,
        invoice_number: str,
        fields: Mapping[str, Any],
        known: ListedShipment | None = None,
    ) -> LabelRequest:
        """Return the label that a caller describes; raise `InvalidLabel`.

        Its contract is the one that its courier names, else that of the *known*
        shipment, else the pair's.
        """
        named = self._named(fields)
        is_open = known is not None and known.row["closed_reason"] != CANCELLED
        registered = known.row["contract"] if known is not None and is_open else None
        where = {
            "account": self.pair.account,
            "contract": named or registered or self.pair.contract,
            "orderId": order_id,
            "invoiceNumber": invoice_number,
        }
        return parse_fields({**where, **fields}, LabelRequest)

    async def put(
        self, request: LabelRequest, known: ListedShipment | None
    ) -> ShipmentAnswer:
        """Register a label; correct the *known* shipment where it differs.

        Raises `InvalidLabel` and `Conflict`.
        """
        body = to_json(request.model_dump(by_alias=True, exclude_unset=True))
        try:
            done = await ShipmentService(self.context).register(self.caller, body)
        except Conflict as error:
            if not _may_correct(known) or error.code not in _CORRECTED:
                raise
            return await self._correct(request, known)
        ignored = {w.code for w in done.answer.warnings} & {WarningCode.VALUE_IGNORED}
        if not _may_correct(known) or not ignored:
            return done.answer
        return await self._correct(request, known)

    async def _correct(
        self, request: LabelRequest, known: ListedShipment
    ) -> ShipmentAnswer:
        """Change what differs, as VTEX's partial invoice does."""
        given = request.model_dump(by_alias=True, exclude_unset=True)
        changed: dict[str, Any] = {
            name: given[name] for name in _OVERWRITTEN if name in given
        }
        if request.contract != known.row["contract"]:
            changed["contract"] = request.contract
        correction = parse_fields(changed, CorrectionRequest)
        actions = ShipmentActionService(self.context)
        return await actions.correct(self.caller, known.row["id"], correction)

    def _named(self, fields: Mapping[str, Any]) -> str | None:
        """Return the contract that a courier names, if it names one."""
        context = self.context
        choice = ContractChoice(context.settings, context.carriers, self.pair.account)
        contract = choice.claiming(fields.get("courier"))
        return None if contract is None else contract.name


def _may_correct(known: ListedShipment | None) -> TypeGuard[ListedShipment]:
    """Whether a PATCH tells which number to replace: VTEX has one for each invoice.

    Of an invoice with several volumes it does not.
    """
    return known is not None and known.row["volumes"] == 1
