"""`/problems`: what the codes of problems and warnings mean."""

from aiohttp import web

from relay.problem_codes import PAGE, explanation, page

_TEXT = "text/markdown"


def routes() -> list[web.RouteDef]:
    """Return the routes of the explanations; they need no token."""
    return [web.get(PAGE, show_all), web.get(PAGE + "/{code}", show_one)]


async def show_all(_: web.Request) -> web.Response:
    """Return all codes with their meanings."""
    return web.Response(text=page(), content_type=_TEXT)


async def show_one(request: web.Request) -> web.Response:
    """Return the meaning of one code: the `type` of a problem leads here."""
    code = request.match_info["code"]
    meaning = explanation(code)
    if meaning is None:
        raise web.HTTPNotFound(text=f"there is no code {code!r}; see {PAGE}")
    return web.Response(text=f"# {code}\n\n{meaning}\n", content_type=_TEXT)
