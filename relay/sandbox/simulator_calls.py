"""Lets carriers' own parts play: sends their webhooks, gives their answers."""

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

from relay.sandbox.requests import ScanRequest, not_found, read_one, unprocessable
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
    """List the carriers that have a part to play."""
    simulators = request.app[WORLD].simulators
    carriers = [
        {
            "adapter": adapter,
            "webhook": isinstance(simulator, Simulates),
            "speaks": _spoken_by(simulator),
            "routes": [f"{r.method} {r.path}" for r in _routes_of(simulator)],
            "contract": _contract_of(simulator, request),
        }
        for adapter, simulator in sorted(simulators.items())
    ]
    return web.json_response({"carriers": carriers})


@routes.post("/sandbox/carriers/{adapter}/scans")
async def play_scan(request: web.Request) -> web.Response:
    """Let something happen to a parcel, and call the relay as its carrier does."""
    world = request.app[WORLD]
    adapter = request.match_info["adapter"]
    simulator = world.simulators.get(adapter)
    if simulator is None:
        known = ", ".join(sorted(world.simulators)) or "none"
        raise not_found(f"no carrier {adapter!r} has a part here; there are: {known}")
    asked = await read_one(request, ScanRequest)
    scan = asked.staged(world.options.clock())
    staged = None if asked.url is None else _webhook(simulator, scan, asked)
    world.stages[adapter].record(scan)
    if staged is None:
        return web.json_response({"status": None, "body": None, "attempts": []})
    attempts = await _sent(request.app, asked, staged)
    return web.json_response({**attempts[-1], "attempts": attempts})


def mount(app: web.Application, world: World) -> None:
    """Mount the endpoints of the carriers that are asked."""
    for adapter, simulator in world.simulators.items():
        for route in _routes_of(simulator):
            path = f"/carriers/{adapter}{route.path}"
            answer = _answering(route, world.stages[adapter])
            app.router.add_route(route.method, path, answer)


async def session(app: web.Application) -> AsyncIterator[None]:
    """Hold the session that sends webhooks."""
    timeout = ClientTimeout(total=app[WORLD].options.webhook_timeout)
    async with ClientSession(timeout=timeout) as opened:
        app[SESSION] = opened
        yield


def _spoken_by(simulator: Simulator) -> dict[str, str]:
    if isinstance(simulator, Simulates | Configures):
        return dict(simulator.speaks)
    return {}


def _contract_of(simulator: Simulator, request: web.Request) -> dict[str, str]:
    """Return the settings with which a carrier is asked here, empty if it is not."""
    if not isinstance(simulator, Configures):
        return {}
    url = request.url.origin() / "carriers" / simulator.adapter
    return dict(simulator.contract(str(url)))


def _routes_of(simulator: Simulator) -> list[SimulatedRoute]:
    return list(simulator.routes()) if isinstance(simulator, Answers) else []


def _answering(
    route: SimulatedRoute, stage: Simulation
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        call = SimulatedCall(
            method=request.method,
            path_values=dict(request.match_info),
            query=request.query,
            headers=request.headers,
            body=await request.read(),
        )
        given = route.answer(call, stage)
        return web.Response(
            status=given.status, body=given.body, headers=dict(given.headers)
        )

    return answer


def _webhook(
    simulator: Simulator, scan: SimulatedScan, asked: ScanRequest
) -> SimulatedRequest:
    if not isinstance(simulator, Simulates):
        raise unprocessable({"$.url": ["this carrier sends no webhooks"]})
    if not _is_loopback(asked.url or ""):
        raise unprocessable({"$.url": ["only a loopback address is called"]})
    secret = forged(asked.secret) if asked.forged else asked.secret
    try:
        return simulator.webhook(scan, secret)
    except (ValueError, LookupError) as error:
        message = f"{simulator.adapter} cannot play this: {error}"
        raise unprocessable({"$": [message]}) from error


def forged(secret: str) -> str:
    """Return a wrong secret of the same length and alphabet."""
    kept, tail = secret[:-8], secret[-8:]
    wrong = kept + "".join(_another(character) for character in tail)
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


async def _sent(
    app: web.Application, asked: ScanRequest, staged: SimulatedRequest
) -> list[dict[str, Any]]:
    """Send a webhook as often as asked, and again while it fails if asked so."""
    attempts = []
    for _ in range(asked.repeat):
        for attempt in range(MOST_ATTEMPTS if asked.retry else 1):
            if attempt:
                await asyncio.sleep(app[WORLD].options.retry_pause)
            attempts.append(await _send_once(app[SESSION], asked.url or "", staged))
            if 200 <= (attempts[-1]["status"] or 0) < 300:  # noqa: PLR2004
                break
    return attempts


async def _send_once(
    session: ClientSession, url: str, staged: SimulatedRequest
) -> dict[str, Any]:
    try:
        async with session.request(
            staged.method,
            url,
            data=staged.body,
            headers=dict(staged.headers),
            allow_redirects=False,
        ) as response:
            text = await response.text(errors="replace")
            return {"status": response.status, "body": text, "error": None}
    except (ClientError, TimeoutError) as error:
        words = str(error) or type(error).__name__
        return {"status": None, "body": None, "error": words}


GROUP: Final = "relay.sandboxes"


class NotASimulator(TypeError):
    """An entry point, or a module `sandbox`, has no part that can be played."""


def installed_simulators(
    points: Iterable[EntryPoint] | None = None,
) -> dict[str, Simulator]:
    """Return the carriers' parts by adapter.

    An entry point names a class, or a package each of whose folders may have a
    module `sandbox` with a class `Simulator`.
    """
    found = entry_points(group=GROUP) if points is None else points
    parts = [part for point in found for part in _parts(point)]
    return {part.adapter: part for part in parts}


def _parts(point: EntryPoint) -> Iterator[Simulator]:
    loaded = point.load()
    if not isinstance(loaded, ModuleType):
        yield _made(loaded, f"entry point {point.name}")
        return
    for folder in pkgutil.iter_modules(loaded.__path__):
        name = f"{loaded.__name__}.{folder.name}.sandbox"
        if folder.ispkg and find_spec(name) is not None:
            module = importlib.import_module(name)
            yield _made(getattr(module, "Simulator", None), name)


def _made(part: object, where: str) -> Simulator:
    made = part() if isinstance(part, type) else None
    if isinstance(made, Simulates | Answers):
        return made
    raise NotASimulator(f"{where} has no class that satisfies Simulates or Answers")
