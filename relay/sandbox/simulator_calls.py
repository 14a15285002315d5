"""Run carrier simulators: send their webhooks and serve their polling endpoints."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from ipaddress import ip_address
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from relay.sandbox.notifications import SESSION as NOTIFYING_SESSION
from relay.sandbox.requests import ScanRequest, not_found, parse_one, unprocessable
from relay.sandbox.simulator import (
    Answers,
    Configures,
    SimulatedCall,
    SimulatedRequest,
    SimulatedRoute,
    SimulatedScan,
    Simulates,
    Simulation,
    Simulator,
)
from relay.sandbox.world import WORLD, World

SESSION: Final = web.AppKey("session", ClientSession)
MOST_ATTEMPTS: Final = 3
routes = web.RouteTableDef()


@routes.get("/sandbox/carriers")
async def list_carriers(request: web.Request) -> web.Response:
    """List the simulated carriers, their codes and contract settings."""
    simulators = request.app[WORLD].simulators
    carriers = [
        {
            "adapter": adapter,
            "webhook": _sends_webhooks(simulator),
            "codes": _codes_of(simulator),
            "routes": [f"{r.method} {r.path}" for r in _routes_of(simulator)],
            "contract": _contract_of(simulator, request),
        }
        for adapter, simulator in sorted(simulators.items())
    ]
    return web.json_response({"carriers": carriers})


def _sends_webhooks(simulator: Simulator) -> bool:
    """Return whether a carrier sends webhooks, as the others of its kind do.

    An ERP that reports tracking in VTEX's form has requests, and no webhooks.
    """
    return isinstance(simulator, Simulates) and getattr(
        simulator, "sends_webhooks", True
    )


@routes.post("/sandbox/carriers/{adapter}/scans")
async def add_scan(request: web.Request) -> web.Response:
    """Record a carrier event, and send its webhook if `url` is given."""
    world = request.app[WORLD]
    adapter = request.match_info["adapter"]
    simulator = world.simulators.get(adapter)
    if simulator is None:
        known = ", ".join(sorted(world.simulators)) or "none"
        raise not_found(f"adapter: unknown carrier {adapter!r}; known: {known}")
    body = await parse_one(request, ScanRequest)
    scan = body.to_scan(world.options.clock())
    webhook = None if body.url is None else _webhook(simulator, scan, body)
    world.simulations[adapter].record(scan)
    if webhook is None:
        return web.json_response({"status": None, "body": None, "attempts": []})
    attempts = await _send(request.app, body, webhook)
    return web.json_response({**attempts[-1], "attempts": attempts})


def mount(app: web.Application, world: World) -> None:
    """Mount the endpoints of the polling carriers."""
    for adapter, simulator in world.simulators.items():
        for route in _routes_of(simulator):
            path = f"/carriers/{adapter}{route.path}"
            answer = _handler(route, world.simulations[adapter])
            app.router.add_route(route.method, path, answer)


async def session(app: web.Application) -> AsyncIterator[None]:
    """Open the HTTP session that sends webhooks."""
    timeout = ClientTimeout(total=app[WORLD].options.webhook_timeout)
    async with ClientSession(timeout=timeout) as opened:
        app[SESSION] = app[NOTIFYING_SESSION] = opened
        yield


def _codes_of(simulator: Simulator) -> dict[str, str]:
    if isinstance(simulator, Simulates | Configures):
        return dict(simulator.codes)
    return {}


def _contract_of(simulator: Simulator, request: web.Request) -> dict[str, str]:
    """Return the settings to poll a carrier here; empty if it is not polled."""
    if not isinstance(simulator, Configures):
        return {}
    url = request.url.origin() / "carriers" / simulator.adapter
    return dict(simulator.contract(str(url)))


def _routes_of(simulator: Simulator) -> list[SimulatedRoute]:
    return list(simulator.routes()) if isinstance(simulator, Answers) else []


def _handler(
    route: SimulatedRoute, simulation: Simulation
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        call = SimulatedCall(
            method=request.method,
            path_values=dict(request.match_info),
            query=request.query,
            headers=request.headers,
            body=await request.read(),
        )
        given = route.answer(call, simulation)
        return web.Response(
            status=given.status, body=given.body, headers=dict(given.headers)
        )

    return answer


def _webhook(
    simulator: Simulator, scan: SimulatedScan, body: ScanRequest
) -> SimulatedRequest:
    if not isinstance(simulator, Simulates):
        raise unprocessable(
            {"$.url": ["this carrier sends no webhooks; leave url out"]}
        )
    if not _is_loopback(body.url or ""):
        raise unprocessable({"$.url": ["must be a loopback address"]})
    secret = forged(body.secret) if body.forged else body.secret
    try:
        return simulator.webhook(scan, secret)
    except (ValueError, LookupError) as error:
        message = f"{simulator.adapter} cannot send this: {error}"
        raise unprocessable({"$": [message]}) from error


def forged(secret: str) -> str:
    """Return a wrong secret of the same length and alphabet."""
    # Only the tail changes, so that prefixes such as `whsec_` stay valid.
    head, tail = secret[:-8], secret[-8:]
    wrong = head + "".join(_another(character) for character in tail)
    return wrong if wrong != secret else f"{secret}x"


def _another(character: str) -> str:
    if character.isascii() and character.isdigit():
        return str((int(character) + 1) % 10)
    return character.swapcase()


def _is_loopback(text: str) -> bool:
    try:
        url = urlsplit(text)
        host = url.hostname or ""
        return url.scheme in {"http", "https"} and (
            host == "localhost" or ip_address(host).is_loopback
        )
    except ValueError:
        return False


async def _send(
    app: web.Application, body: ScanRequest, webhook: SimulatedRequest
) -> list[dict[str, Any]]:
    """Send a webhook `repeat` times, each with retries if `retry` is set."""
    attempts = []
    for _ in range(body.repeat):
        for attempt in range(MOST_ATTEMPTS if body.retry else 1):
            if attempt:
                await asyncio.sleep(app[WORLD].options.retry_pause)
            attempts.append(await _send_once(app[SESSION], body.url or "", webhook))
            if 200 <= (attempts[-1]["status"] or 0) < 300:  # noqa: PLR2004
                break
    return attempts


async def _send_once(
    session: ClientSession, url: str, webhook: SimulatedRequest
) -> dict[str, Any]:
    try:
        async with session.request(
            webhook.method,
            url,
            data=webhook.body,
            headers=dict(webhook.headers),
            # carriers do not follow redirects with a signed body
            allow_redirects=False,
        ) as response:
            text = await response.text(errors="replace")
            return {"status": response.status, "body": text, "error": None}
    except (ClientError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        return {"status": None, "body": None, "error": reason}


GROUP: Final = "relay.sandboxes"


class NotASimulator(TypeError):
    """An entry point or a module `sandbox` has no usable class `Simulator`."""


def installed_simulators(
    points: Iterable[EntryPoint] | None = None,
) -> dict[str, Simulator]:
    """Return the installed simulators by adapter name.

    An entry point names a class, or a package whose folders may have a module
    `sandbox` with a class `Simulator`. Raises `NotASimulator` for anything else.
    """
    found = entry_points(group=GROUP) if points is None else points
    loaded = [simulator for point in found for simulator in _loaded(point)]
    return {simulator.adapter: simulator for simulator in loaded}


def _loaded(point: EntryPoint) -> Iterator[Simulator]:
    loaded = point.load()
    if not isinstance(loaded, ModuleType):
        yield _created(loaded, f"entry point {point.name}")
        return
    for folder in pkgutil.iter_modules(loaded.__path__):
        name = f"{loaded.__name__}.{folder.name}.sandbox"
        if folder.ispkg and find_spec(name) is not None:
            module = importlib.import_module(name)
            yield _created(getattr(module, "Simulator", None), name)


def _created(found: object, where: str) -> Simulator:
    created = found() if isinstance(found, type) else None
    if isinstance(created, Simulates | Answers):
        return created
    raise NotASimulator(f"{where} has no class that satisfies Simulates or Answers")
