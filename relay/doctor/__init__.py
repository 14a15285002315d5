"""Looks for what is wrong before the first parcel does, and says what to do."""

from relay.api.auth import check_tokens
from relay.config.problems import InvalidSettings
from relay.config.settings import Settings
from relay.doctor.contracts import check_contract, check_tables
from relay.doctor.database import check_database
from relay.doctor.findings import Check, fine, wrong
from relay.doctor.vtex import check_account
from relay.errors import ConfigurationError
from relay.vtex.http import vtex_session


def unusable(error: ConfigurationError) -> list[Check]:
    """Say what keeps settings from being used: each finding, with its way out."""
    if isinstance(error, InvalidSettings):
        return [wrong(f.key, f.wrong, f.hint) for f in error.findings]
    return [wrong("settings", str(error), "correct them, then try again")]


async def examine(settings: Settings) -> list[Check]:
    """Look at everything that *settings* name; nothing is changed anywhere."""
    found = [fine("settings", "they can be read"), *check_tables(settings)]
    found += _check_access(settings)
    for contract in settings.contracts.values():
        found += check_contract(contract, settings)
    found += await check_database(settings)
    async with vtex_session() as session:
        for account in settings.accounts.values():
            found.append(await check_account(account, session))
    return found


def _check_access(settings: Settings) -> list[Check]:
    try:
        check_tokens(settings)
    except ConfigurationError as error:
        return [wrong("listen", str(error), "then start the relay again")]
    return []
