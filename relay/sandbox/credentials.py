"""Application keys of each account and their roles."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["notify_invoice", "view_order", "feed_admin"]

ALL_ROLES: Final[tuple[Role, ...]] = ("notify_invoice", "view_order", "feed_admin")
DEFAULT_KEY: Final = "sandbox-key"
DEFAULT_TOKEN: Final = "sandbox-token"  # noqa: S105 - public: the sandbox protects nothing


@dataclass(frozen=True, slots=True)
class Pair:
    """An application key with its token, and its roles in one account."""

    app_key: str
    app_token: str
    roles: frozenset[Role]


_DEFAULT: Final = Pair(DEFAULT_KEY, DEFAULT_TOKEN, frozenset(ALL_ROLES))


class Credentials:
    """The key pairs of each account; without any, the default pair is valid."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[Pair]] = {}

    def add(self, account: str, pair: Pair, *, only: bool) -> None:
        """Accept *pair*; replace all other pairs of the account if *only*.

        Two tokens of one key can be valid at once, as in VTEX during a rotation.
        """
        others = [] if only else self._pairs.get(account, [_DEFAULT])
        same = (pair.app_key, pair.app_token)
        rest = [p for p in others if (p.app_key, p.app_token) != same]
        self._pairs[account] = [*rest, pair]

    def roles(
        self, account: str, headers: Mapping[str, str]
    ) -> Collection[Role] | None:
        """Return the roles of the key pair in *headers*, or `None` if it is invalid."""
        key = headers.get("X-VTEX-API-AppKey", "")
        token = headers.get("X-VTEX-API-AppToken", "")
        for pair in self._pairs.get(account, [_DEFAULT]):
            if _same(pair.app_key, key) and _same(pair.app_token, token):
                return pair.roles
        return None

    def clear(self) -> None:
        """Remove all pairs except the default."""
        self._pairs.clear()


def _same(known: str, given: str) -> bool:
    return hmac.compare_digest(
        known.encode(errors="surrogateescape"), given.encode(errors="surrogateescape")
    )
