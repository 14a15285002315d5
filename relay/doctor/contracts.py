"""Check whether valid settings make a relay that can receive and poll events."""

from collections.abc import Iterator
from typing import Final

from relay.adapters.protocol import Carrier, PollEndpoint, PollingCarrier
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.doctor.findings import Check, error, ok, warning
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.domain.fiscal import check_digit
from relay.errors import ConfigurationError
from relay.logs import counted
from relay.registration.contract_terms import resolve_contract_options
from relay.runtime.wiring import carrier, check_pairs

_BODY: Final = "3526031122233300018155001000012345100000001"
_KEY: Final = _BODY + check_digit(_BODY)
_COMPLETE: Final = ParcelView(
    references=tuple(
        Reference(kind=kind, value=_KEY if kind is ReferenceKind.INVOICE_KEY else "1")
        for kind in ReferenceKind
    ),
    tracking_number="1",
    invoice_key=_KEY,
)
"""A parcel of which everything is known, to see whether it has a tracking page."""
HINT: Final = "correct it; `relay init` and the carrier's page show every key"


def check_tables(settings: Settings) -> Iterator[Check]:
    """Warn of missing tables without which the relay has nothing to do."""
    missing = {
        "accounts": (settings.accounts, "no VTEX account", "[accounts.<name>]"),
        "contracts": (settings.contracts, "no contract", "[contracts.<name>]"),
        "tokens": (settings.tokens, "no token for the ERP", "[tokens.<name>]"),
    }
    for subject, (table, what, header) in missing.items():
        if not table:
            hint = f"add {header}; `relay init` writes an example"
            yield warning(subject, f"{what} is configured", hint)


def check_endpoint(settings: Settings) -> Iterator[Check]:
    """Show the key pairs of the VTEX-compatible endpoint."""
    try:
        check_pairs(settings)
    except ConfigurationError as refusal:
        key, _, message = str(refusal).partition(": ")
        yield error(key, message, 'add a contract with verification = "endpoint"')
        return
    for pair in settings.endpoint.values():
        message = f"account {pair.account}, contract {pair.contract}"
        yield ok(f"endpoint.{pair.name}", message)


def check_contract(contract: ContractSettings, settings: Settings) -> Iterator[Check]:
    """Create the adapter; show where its webhooks go and how it is polled."""
    subject = f"contracts.{contract.name}"
    try:
        adapter = carrier(settings, contract.name)
    except ConfigurationError as refusal:
        for line in str(refusal).split("\n"):
            key, _, message = line.partition(": ")
            yield error(key, message, HINT)
        return
    if contract.verification == "none":
        message = "its webhooks are accepted from anyone"
        hint = 'set a secret, or verification = "url" with a url_secret'
        yield warning(f"{subject}.verification", message, hint)
    yield from _check_page(contract, adapter)
    yield ok(subject, f"adapter {contract.adapter}, {_webhooks(contract, settings)}")
    if isinstance(adapter, PollingCarrier):
        yield ok(f"{subject}.poll", _polling(contract, adapter))


def _check_page(contract: ContractSettings, adapter: Carrier) -> Iterator[Check]:
    """Warn of a contract that gives no tracking page even to a complete label."""
    if resolve_contract_options(contract, adapter, _COMPLETE)[1] is None:
        message = (
            'no tracking page: VTEX sends no "order shipped" e-mail for labels '
            "without `trackingUrl`"
        )
        hint = (
            "set it, such as https://carrier.example/follow?number={tracking_number}, "
            "or send trackingUrl with each label"
        )
        yield warning(f"contracts.{contract.name}.tracking_url", message, hint)


def _polling(contract: ContractSettings, adapter: PollingCarrier) -> str:
    """Return where and how often a carrier is polled."""
    if not contract.poll:
        return "not polled, because poll = false"
    at = f" at {adapter.poll_url}" if isinstance(adapter, PollEndpoint) else ""
    quota = contract.poll_daily_quota
    most = f"at most {counted(quota, 'call')} a day" if quota else "no daily quota"
    spacing = contract.poll_spacing_seconds.total_seconds()
    return (
        f"polled{at}, {counted(adapter.batch_size, 'parcel')} per call, "
        f"calls at least {spacing:g} s apart, {most}"
    )


def _webhooks(contract: ContractSettings, settings: Settings) -> str:
    """Return the address of a contract's webhooks, without its secret."""
    url = settings.webhook_url(contract)
    if url:
        return f"webhooks at {url}"
    by_endpoint = contract.verification == "endpoint"
    return "no webhooks: " + ("for the endpoint" if by_endpoint else "polling only")
