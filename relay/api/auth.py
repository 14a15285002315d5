"""Who may ask for what: bearer tokens with scopes, limited to accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web

from relay.api.keys import REGISTRAR
from relay.config.account import ApiToken, Scope
from relay.config.settings import Settings
from relay.config.types import is_loopback
from relay.errors import ConfigurationError, RefusedRequest

_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="relay"'}
_NONE: Final = (
    "There is no token.",
    "send one of this relay's: `Authorization: Bearer …`",
)
_WRONG: Final = (
    "The token is not one of this relay's.",
    "ask whoever runs the relay for one, and send it without quotes",
)


@dataclass(frozen=True, slots=True)
class Access:
    """What the sender of a request may see; without tokens that is everything."""

    settings: Settings
    token: ApiToken | None

    @property
    def name(self) -> str:
        """Who asks, for notes: the name of the token."""
        return self.token.name if self.token else "anybody"

    def sees(self, account: str) -> bool:
        """Whether shipments of *account* exist for the sender."""
        return self.token is None or self.token.sees(account)

    def limited(self) -> Collection[str] | None:
        """Return the accounts that the sender is limited to, None for no limit."""
        return self.token.accounts or None if self.token else None

    def visible(self) -> Collection[str]:
        """Return the configured accounts that exist for the sender."""
        return [a for a in self.settings.accounts if self.sees(a)]


def check_tokens(settings: Settings) -> None:
    """Refuse to serve the API to other machines without a token.

    Raises `ConfigurationError`.
    """
    host, _ = settings.listen_at
    if not settings.tokens and not is_loopback(host):
        raise ConfigurationError(
            f"tokens: there is none, and {settings.listen} is open to other machines; "
            "make one with `openssl rand -hex 32` and set tokens.erp.token and "
            'tokens.erp.scopes = ["erp", "operator"], or listen at 127.0.0.1'
        )


def access(request: web.Request, scope: Scope) -> Access:
    """Return what the sender of *request* may see, who needs *scope* for it.

    An operator's token is good for everything. Raises `Refused`.
    """
    settings = request.app[REGISTRAR].settings
    if not settings.tokens:
        return Access(settings, None)
    token = _token(request, settings)
    if not (token.may(scope) or token.may(Scope.OPERATOR)):
        raise RefusedRequest(
            HTTPStatus.FORBIDDEN,
            f"The token {token.name!r} lacks the scope {scope.value!r}.",
            hint=f"add it to tokens.{token.name}.scopes, or use another token",
        )
    return Access(settings, token)


def _token(request: web.Request, settings: Settings) -> ApiToken:
    """Return the token that *request* presents."""
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    given = presented.strip() if scheme.lower() == "bearer" else ""
    token = settings.token_for(given) if given else None
    if token is not None:
        return token
    detail, hint = _WRONG if given else _NONE
    raise RefusedRequest(HTTPStatus.UNAUTHORIZED, detail, hint=hint, headers=_CHALLENGE)
