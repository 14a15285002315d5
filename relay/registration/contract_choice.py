"""Choose the account and the contract of a label."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic.alias_generators import to_camel

from relay.adapters.protocol import Carrier
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.domain.fiscal import cnpj
from relay.errors import InvalidLabel, RegistrationError
from relay.invalid_fields import InvalidFields
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.registration.requests import LabelRequest
from relay.suggestions import did_you_mean
from relay.text import plain_name

_NAMING: Final = ("account", "contract", "carrier_tax_id", "courier")
"""The fields of a label that name its account and its contract."""


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


def choose(
    request: LabelRequest,
    settings: Settings,
    carriers: Mapping[str, Carrier],
    visible: Collection[str],
    invalid: InvalidFields,
) -> tuple[str, ContractSettings | None]:
    """Return account and contract of a label; what is wrong is added to *invalid*."""
    account, contract = "", None
    with invalid.collect():
        account = account_of(request, settings, visible)
    with invalid.collect():
        if account:
            choosing = ContractChoice(settings, carriers, account)
            contract = choosing.contract(request)
        elif request.contract is not None:
            _refuse_unknown_contract(request.contract, settings, visible)
    return account, contract


def naming_problems(
    fields: Mapping[str, Any],
    settings: Settings,
    carriers: Mapping[str, Carrier],
    visible: Collection[str],
    found: Sequence[RegistrationError],
) -> list[RegistrationError]:
    """Return what is wrong with account and contract of a label with invalid values.

    *fields* are its JSON fields, *found* the problems so far: nothing that could
    follow from one of them is reported.
    """
    hints = {error.hint for error in found}
    faulty = {error.field for error in found}
    faulty |= {n for n in map(to_camel, _NAMING) if did_you_mean(n) in hints}
    if "account" in faulty:
        return []
    values = {name: fields.get(to_camel(name)) for name in _NAMING}
    given: dict[str, Any] = {
        n: v if v and isinstance(v, str) else None for n, v in values.items()
    }
    invalid = InvalidFields()
    request = LabelRequest.model_construct(**given)
    choose(request, settings, carriers, visible, invalid)
    unsure = not faulty.isdisjoint(("contract", "carrierTaxId", "courier"))
    return [e for e in invalid.found if e.field == "account" or not unsure]


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

    def claiming(self, courier: str | None) -> ContractSettings | None:
        """Return the one contract that has a courier's name; None without one.

        Unlike `contract`, it never takes a contract because it is the only one.
        """
        found = self._by_courier(courier, _serving(self.settings, self.account))
        return found[0] if len(found) == 1 else None

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
        name = plain_name(courier)
        found = [c for c in serving if name in {plain_name(n) for n in _names(c)}]
        shown = {
            c.name: plain_name(self.carriers[c.name].display_name) for c in serving
        }
        alike = [c for c in serving if name == shown[c.name]]
        return found or (alike if len(alike) == 1 else [])


def named_contract(name: str, settings: Settings, account: str) -> ContractSettings:
    """Return the contract called *name*, which must serve *account*."""
    contract = settings.contracts.get(name)
    if contract is None or account not in contract.accounts:
        names = [c.name for c in _serving(settings, account)]
        raise _unknown("contract", name, names)
    return contract


def _refuse_unknown_contract(
    name: str, settings: Settings, visible: Collection[str]
) -> None:
    """Refuse a contract that serves no account of the caller."""
    serving = {c.name for a in visible for c in _serving(settings, a)}
    if name not in serving:
        raise _unknown("contract", name, serving)


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
