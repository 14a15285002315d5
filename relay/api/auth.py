"""Authorize requests: bearer tokens with scopes, optionally limited to accounts."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import web

from relay.api.keys import SERVICES
from relay.api.problems import CALLER
from relay.config.account import ApiToken, Scope
from relay.config.settings import Settings
from relay.config.types import is_loopback
from relay.errors import ConfigurationError, RefusedRequest
from relay.problem_codes import ProblemCode
from relay.service.access import Caller

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="relay"'}
_NONE: Final = (
    "the token is missing",
    "send a token of this relay: `Authorization: Bearer …`",
    ProblemCode.TOKEN_MISSING,
)
_WRONG: Final = (
    "the token is unknown to this relay",
    "ask the relay's operator for a token, and send it without quotes",
    ProblemCode.TOKEN_UNKNOWN,
)


def check_tokens(settings: Settings) -> None:
    """Refuse to serve the API to other machines without a token.

    Raises `ConfigurationError`.
    """
    host, _ = settings.listen_at
    if not settings.tokens and not is_loopback(host):
        raise ConfigurationError(
            f"tokens: required, because {settings.listen} is open to other machines; "
            "make one with `openssl rand -hex 32` and set tokens.erp.token and "
            'tokens.erp.scopes = ["erp", "operator"], or listen at 127.0.0.1'
        )


def authorize(request: web.Request, scopes: Sequence[Scope]) -> Caller:
    """Return the caller of *request*, whose token must have one of *scopes*.

    Without configured tokens every caller sees everything. Raises `RefusedRequest`.
    """
    settings = request.app[SERVICES].context.settings
    if not settings.tokens:
        return Caller("anybody")
    token = _token(request, settings)
    request[CALLER] = token.name
    if not any(map(token.may, scopes)):
        raise RefusedRequest(
            HTTPStatus.FORBIDDEN,
            f"the token {token.name!r} lacks the scope {' or '.join(scopes)}",
            hint=f"add one to tokens.{token.name}.scopes, or use another token",
            code=ProblemCode.SCOPE_MISSING,
        )
    return Caller(token.name, token.accounts or None)


def _token(request: web.Request, settings: Settings) -> ApiToken:
    """Return the token that *request* presents; raise `RefusedRequest`."""
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    given = presented.strip() if scheme.lower() == "bearer" else ""
    token = settings.token_for(given) if given else None
    if token is not None:
        return token
    detail, hint, code = _WRONG if given else _NONE
    raise RefusedRequest(
        HTTPStatus.UNAUTHORIZED, detail, hint=hint, code=code, headers=_CHALLENGE
    )
