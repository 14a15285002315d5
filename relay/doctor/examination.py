"""Run all checks of the doctor, from the settings to VTEX."""

from relay.api.auth import check_tokens
from relay.config.problems import InvalidSettings
from relay.config.settings import Settings
from relay.doctor.contracts import check_contract, check_tables
from relay.doctor.database import check_database
from relay.doctor.findings import Check, error, ok
from relay.doctor.vtex import check_account
from relay.doctor.webhooks import check_webhooks
from relay.errors import ConfigurationError
from relay.vtex.http import vtex_session


def unusable(refusal: ConfigurationError) -> list[Check]:
    """Return the findings for settings that could not be loaded."""
    if isinstance(refusal, InvalidSettings):
        return [error(f.key, f.wrong, f.hint) for f in refusal.findings]
    return [error("settings", str(refusal), "correct them, then try again")]


async def examine(settings: Settings) -> list[Check]:
    """Check everything that *settings* name; nothing is changed anywhere."""
    found = [ok("settings", "valid"), *check_tables(settings)]
    found += _check_access(settings)
    for contract in settings.contracts.values():
        found += check_contract(contract, settings)
    found += await check_database(settings)
    found += await check_webhooks(settings)
    async with vtex_session() as session:
        for account in settings.accounts.values():
            found.append(await check_account(account, session))
    return found


def _check_access(settings: Settings) -> list[Check]:
    try:
        check_tokens(settings)
    except ConfigurationError as refusal:
        return [error("listen", str(refusal), "then start the relay again")]
    return []
