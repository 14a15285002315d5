"""The API for ERPs and operators: everything under `/v1`, and what describes it."""

from collections.abc import Callable, Mapping

from aiohttp import web

from relay.carrier.contract import Carrier
from relay.metrics import Metrics
from relay.registering import Registrar
from relay.store.accounts import Accounts
from relay.store.corrections import Corrections
from relay.store.lists import Lists
from relay.web import bulk, configured, documents, keys, openapi, shipments
from relay.web import metrics as metrics_route


def mount_api(
    app: web.Application,
    carriers: Mapping[str, Carrier],
    *,
    on_news: Callable[[], None],
    on_replay: Callable[[], None],
    metrics: Metrics | None = None,
) -> None:
    """Serve the API; settings, database, labels and clock are in *app* already.

    *carriers* are the adapters by contract. *on_news* wakes the publisher,
    *on_replay* the reader.
    """
    database, labels = app[keys.DATABASE], app[keys.LABELS]
    app[keys.REGISTRAR] = Registrar(app[keys.SETTINGS], carriers)
    app[keys.LISTS] = Lists(database)
    app[keys.ACCOUNTS] = Accounts(database)
    app[keys.CORRECTIONS] = Corrections(database, labels.pace, labels.lower_bounds)
    app[keys.METRICS] = metrics or Metrics()
    app[keys.ON_NEWS] = on_news
    app[keys.ON_REPLAY] = on_replay
    for part in (shipments, bulk, documents, configured, metrics_route, openapi):
        part.add_routes(app)
