"""Choose the account and the contract of a label."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from relay.adapters.protocol import Carrier
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.domain.fiscal import cnpj
from relay.errors import InvalidLabel
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.registration.requests import LabelRequest


class NamesAccount(Protocol):
    """A request that may name its account, or a contract, whose account counts."""

    @property
    def account(self) -> str | None:
        """The account's name."""

    @property
    def contract(self) -> str | None:
        """The contract's name."""


def account_of(
    request: NamesAccount, settings: Settings, visible: Collection[str]
) -> str:
    """Return the account that a request names, or the only possible one.

    *visible* are the accounts that the caller may access. Raises `InvalidLabel`,
    listing them.
    """
    if request.account is not None:
        if request.account in visible:
            return request.account
        raise _unknown("account", request.account, visible)
    contract = settings.contracts.get(request.contract or "")
    if contract is not None and contract.account in visible:
        return contract.account
    if len(visible) == 1:
        return next(iter(visible))
    raise _needed("account", visible)


@dataclass(frozen=True, slots=True)
class ContractChoice:
    """Finds the contract of a label of `account`; `carriers` are the adapters."""

    settings: Settings
    carriers: Mapping[str, Carrier]
    account: str

    def contract(self, request: LabelRequest) -> ContractSettings:
        """Return the contract by name, tax id or courier, or else the only one.

        Raises `InvalidLabel` with the field, listing what is configured.
        """
        serving = _serving(self.settings, self.account)
        if request.contract is not None:
            return named_contract(request.contract, self.settings, self.account)
        if request.carrier_tax_id is not None:
            return _by_tax_id(request.carrier_tax_id, serving)
        found = self._by_courier(request.courier, serving)
        if len(found) == 1:
            return found[0]
        if len(serving) == 1:
            return serving[0]
        if request.courier is not None and not found:
            raise _unknown_courier(request.courier, serving)
        raise _needed("contract", [c.name for c in serving])

    def contradictions(
        self, request: LabelRequest, chosen: ContractSettings
    ) -> Iterator[CodedWarning]:
        """Yield warnings of a tax id or courier that belongs to another contract."""
        serving = _serving(self.settings, self.account)
        try:
            by_tax_id = _of_tax_id(request.carrier_tax_id, serving)
        except ValueError as error:
            by_tax_id = []
            text = f"{error}; it was ignored, correct it"
            yield CodedWarning(WarningCode.TAX_ID_INVALID, text, "carrierTaxId")
        by_courier = self._by_courier(request.courier, serving)
        for field, found in (("carrierTaxId", by_tax_id), ("courier", by_courier)):
            if found and chosen not in found:
                yield CodedWarning(
                    WarningCode.CARRIER_CONTRADICTION,
                    f"belongs to contract {found[0].name!r}, but the label is "
                    f"registered under contract {chosen.name!r}; if that is wrong, "
                    "correct the shipment's contract with PATCH",
                    field,
                )

    def _by_courier(
        self, courier: str | None, serving: Sequence[ContractSettings]
    ) -> list[ContractSettings]:
        """Return the contracts of a courier, by their names or else an adapter's name.

        An adapter's name is ambiguous if several contracts use the adapter.
        """
        if courier is None:
            return []
        name = _folded(courier)
        found = [c for c in serving if name in {_folded(n) for n in _names(c)}]
        shown = {c.name: _folded(self.carriers[c.name].display_name) for c in serving}
        alike = [c for c in serving if name == shown[c.name]]
        return found or (alike if len(alike) == 1 else [])


def named_contract(name: str, settings: Settings, account: str) -> ContractSettings:
    """Return the contract called *name*, which must serve *account*."""
    contract = settings.contracts.get(name)
    if contract is None or account not in contract.accounts:
        names = [c.name for c in _serving(settings, account)]
        raise _unknown("contract", name, names)
    return contract


def _serving(settings: Settings, account: str) -> list[ContractSettings]:
    return [c for c in settings.contracts.values() if account in c.accounts]


def _by_tax_id(text: str, serving: Sequence[ContractSettings]) -> ContractSettings:
    field = "carrierTaxId"
    try:
        found = _of_tax_id(text, serving)
    except ValueError as error:
        raise InvalidLabel(
            str(error), field=field, hint="copy it from the carrier's invoice"
        ) from None
    if not found:
        known = [f"{t} ({c.name})" for c in serving for t in c.tax_ids]
        raise _unknown(field, cnpj(text), known)
    return found[0]


def _of_tax_id(
    text: str | None, serving: Iterable[ContractSettings]
) -> list[ContractSettings]:
    """Return the contracts of a tax id; raise `ValueError` if it is invalid."""
    if text is None:
        return []
    tax_id = cnpj(text)
    return [c for c in serving if tax_id in c.tax_ids]


def _names(contract: ContractSettings) -> tuple[str, ...]:
    own = (contract.courier,) if contract.courier else ()
    return (*contract.courier_names, *own)


def _unknown_courier(courier: str, serving: Sequence[ContractSettings]) -> InvalidLabel:
    names = sorted(n for c in serving for n in _names(c))
    contracts = ", ".join(sorted(c.name for c in serving))
    return InvalidLabel(
        f"{courier!r} is not configured",
        field="courier",
        hint=(f"configured: {', '.join(names)}; " if names else "")
        + "add the name to `courier_names` of its contract, or send `contract`: "
        + contracts,
        code=ProblemCode.NOT_CONFIGURED,
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _unknown(field: str, given: str, known: Collection[str]) -> InvalidLabel:
    return InvalidLabel(
        f"{given!r} is not configured",
        field=field,
        hint=_listed(known),
        code=ProblemCode.NOT_CONFIGURED,
    )


def _needed(field: str, known: Collection[str]) -> InvalidLabel:
    several = f"required, because several {field}s are configured"
    return InvalidLabel(
        several if known else f"no {field} is configured",
        field=field,
        hint=_listed(known),
        code=ProblemCode.REQUIRED if known else ProblemCode.NOT_CONFIGURED,
    )


def _listed(known: Collection[str]) -> str:
    if not known:
        return "none is configured; `relay init` writes an example"
    return f"configured: {', '.join(sorted(known))}"
