"""The composition of `relay reconcile`: database, VTEX client and terms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relay.clock import utcnow
from relay.config.settings import Settings
from relay.outbound.reconciliation import Reconciler
from relay.runtime.database import opened
from relay.runtime.wiring import publisher_terms
from relay.vtex.client import VtexClient
from relay.vtex.http import vtex_session


@asynccontextmanager
async def reconciling(settings: Settings) -> AsyncIterator[Reconciler]:
    """Open database and VTEX; a relay may be serving the database meanwhile.

    Raises `ConfigurationError` if there is no database yet.
    """
    terms = publisher_terms(settings)
    async with opened(settings) as database, vtex_session() as session:
        yield Reconciler(database, VtexClient(session), terms, utcnow)
