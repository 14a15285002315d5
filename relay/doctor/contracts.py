"""Settings that are valid one by one: whether they make a relay that works."""

from collections.abc import Iterator

from relay.adapters.protocol import PollEndpoint, PollingCarrier
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.doctor.findings import Check, fine, look, wrong
from relay.errors import ConfigurationError
from relay.logs import counted
from relay.runtime.wiring import carrier

HINT = "correct it; `relay init` and the carrier's page show every key"


def check_tables(settings: Settings) -> Iterator[Check]:
    """Name the tables without which nobody can use the relay."""
    missing = {
        "accounts": (settings.accounts, "no VTEX account", "[accounts.<name>]"),
        "contracts": (
            settings.contracts,
            "no carrier's contract",
            "[contracts.<name>]",
        ),
        "tokens": (settings.tokens, "no token for the ERP", "[tokens.<name>]"),
    }
    for subject, (table, says, header) in missing.items():
        if not table:
            hint = f"add {header}; `relay init` writes an example"
            yield look(subject, f"there is {says}", hint)


def check_contract(contract: ContractSettings, settings: Settings) -> Iterator[Check]:
    """Make the adapter, and say how its webhooks are verified and where they go."""
    subject = f"contracts.{contract.name}"
    try:
        made = carrier(settings, contract.name)
    except ConfigurationError as error:
        for line in str(error).split("\n"):
            key, _, says = line.partition(": ")
            yield wrong(key, says, HINT)
        return
    if contract.verification == "none":
        says = "its webhooks are taken from anybody"
        hint = 'set a secret, or verification = "url" with a url_secret'
        yield look(f"{subject}.verification", says, hint)
    yield fine(subject, f"adapter {contract.adapter}, {_address(contract)}")
    if isinstance(made, PollingCarrier):
        yield fine(f"{subject}.poll", _asked(contract, made))


def _asked(contract: ContractSettings, made: PollingCarrier) -> str:
    """Say where and how much a carrier is asked."""
    if not contract.poll:
        return "it is not asked, as poll = false says"
    at = f" at {made.poll_url}" if isinstance(made, PollEndpoint) else ""
    quota = contract.poll_daily_quota
    most = f"at most {counted(quota, 'call')} a day" if quota else "no daily quota"
    return (
        f"asked{at}, for {counted(made.batch_size, 'parcel')} at once, "
        f"calls at least {contract.poll_spacing_seconds:g} s apart, {most}"
    )


def _address(contract: ContractSettings) -> str:
    """Say where a contract's webhooks go, its secret left out."""
    if contract.verification == "polling_only":
        return "no webhooks: polling only"
    secret = "/<url_secret>" if contract.verification == "url" else ""
    return f"webhooks at /webhooks/{contract.name}{secret}"
