"""The API for ERPs and operators: everything under `/v1`, and what describes it."""

from collections.abc import Callable, Mapping

from aiohttp import web

from relay.carrier.contract import Carrier
from relay.metrics import Metrics
from relay.registering import Registrar
from relay.store.accounts import Accounts
from relay.store.corrections import Corrections
from relay.store.handovers import HandOvers
from relay.store.lists import Lists
from relay.web import (
    accounts,
    acting,
    bulk,
    contracts,
    documents,
    keys,
    openapi,
    shipments,
    untrusted,
    verbs,
    worklists,
)
from relay.web import metrics as metrics_route


def mount_api(  # noqa: PLR0913 -- wired in one place, by keyword
    app: web.Application,
    carriers: Mapping[str, Carrier],
    *,
    on_news: Callable[[], None],
    on_replay: Callable[[], None],
    on_track: Callable[[], None] = lambda: None,
    metrics: Metrics | None = None,
) -> None:
    """Serve the API; settings, database, labels and clock are in *app* already.

    *carriers* are the adapters by contract. *on_news* wakes the publisher,
    *on_replay* the reader, *on_track* the poller.
    """
    database, labels = app[keys.DATABASE], app[keys.LABELS]
    app[keys.REGISTRAR] = Registrar(app[keys.SETTINGS], carriers)
    app[keys.LISTS] = Lists(database)
    app[keys.ACCOUNTS] = Accounts(database)
    app[keys.CORRECTIONS] = Corrections(database, labels.pace, labels.lower_bounds)
    app[keys.HAND_OVERS] = HandOvers(database, labels.pace, labels.lower_bounds)
    app[keys.METRICS] = metrics or Metrics()
    app[keys.ON_NEWS] = on_news
    app[keys.ON_REPLAY] = on_replay
    app[keys.ON_TRACK] = on_track
    parts = (
        shipments,
        verbs,
        bulk,
        documents,
        worklists,
        acting,
        untrusted,
        accounts,
        contracts,
        metrics_route,
        openapi,
    )
    for part in parts:
        part.add_routes(app)
