"""Which account and which contract a label is for."""

from collections.abc import Collection, Iterable

from relay.errors import InvalidLabel
from relay.fiscal import cnpj
from relay.registering.requests import LabelRequest
from relay.settings import ContractSettings, Settings


def account_of(
    request: LabelRequest, settings: Settings, visible: Collection[str]
) -> str:
    """Return the account of a label: the one it names, or the only one possible.

    *visible* are the accounts that exist for whoever registers. Raises
    `InvalidLabel`, listing them.
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


def contract_of(
    request: LabelRequest, settings: Settings, account: str
) -> ContractSettings:
    """Return the contract of a label: by name, by tax id, by courier, or the only one.

    Raises `InvalidLabel`, naming the field and listing what is configured.
    """
    serving = [c for c in settings.contracts.values() if account in c.accounts]
    if request.contract is not None:
        return named_contract(request.contract, settings, account)
    if request.carrier_tax_id is not None:
        return _by_tax_id(request.carrier_tax_id, serving)
    found = [c for c in serving if _answers_for(c, request.courier)]
    if len(found) == 1:
        return found[0]
    if len(serving) == 1:
        return serving[0]
    if request.courier is not None and not found:
        names = [n for c in serving for n in (*c.courier_names, c.courier) if n]
        raise _unknown("courier", request.courier, names)
    raise _needed("contract", [c.name for c in serving])


def named_contract(name: str, settings: Settings, account: str) -> ContractSettings:
    """Return the contract called *name*, which must serve *account*."""
    contract = settings.contracts.get(name)
    if contract is None or account not in contract.accounts:
        serving = [c.name for c in settings.contracts.values() if account in c.accounts]
        raise _unknown("contract", name, serving)
    return contract


def _by_tax_id(text: str, serving: Iterable[ContractSettings]) -> ContractSettings:
    field = "carrierTaxId"
    try:
        tax_id = cnpj(text)
    except ValueError as error:
        raise InvalidLabel(
            str(error), field=field, way_out="copy it from the carrier's invoice"
        ) from None
    found = [c for c in serving if tax_id in c.tax_ids]
    if not found:
        known = [f"{t} ({c.name})" for c in serving for t in c.tax_ids]
        raise _unknown(field, tax_id, known)
    return found[0]


def _answers_for(contract: ContractSettings, courier: str | None) -> bool:
    if courier is None:
        return False
    names = (*contract.courier_names, contract.courier or "")
    return _folded(courier) in {_folded(name) for name in names}


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _unknown(field: str, given: str, known: Collection[str]) -> InvalidLabel:
    return InvalidLabel(
        f"{given!r} is not configured", field=field, way_out=_listed(known)
    )


def _needed(field: str, known: Collection[str]) -> InvalidLabel:
    return InvalidLabel(
        "it is missing, and there is not exactly one",
        field=field,
        way_out=_listed(known),
    )


def _listed(known: Collection[str]) -> str:
    if not known:
        return "none is configured: see `relay init` for how to add one"
    return f"configured: {', '.join(sorted(known))}"
