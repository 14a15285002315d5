"""Brings the stored state of the accounts in line with the settings."""

from relay.clock import Clock
from relay.config.settings import Settings
from relay.logs import logger
from relay.runtime.wiring import credentials
from relay.store.accounts import Accounts
from relay.store.database import Database
from relay.store.shadow import Shadow

log = logger(__name__)


async def notice_settings(settings: Settings, database: Database, clock: Clock) -> None:
    """Open the gates of accounts with new credentials; begin or end shadow mode."""
    accounts, shadow = Accounts(database), Shadow(database)
    for name, digest in credentials(settings).items():
        await accounts.credentials(name, digest, clock())
    for name, account in settings.accounts.items():
        if await shadow.switch(name, clock(), on=account.shadow):
            change = "shadow mode begins" if account.shadow else "shadow mode ends"
            log.warning(change, account=name)


def shadow_accounts(settings: Settings) -> frozenset[str]:
    """Return the accounts to which nothing is written."""
    return frozenset(n for n, a in settings.accounts.items() if a.shadow)
