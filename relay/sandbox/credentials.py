"""Key pairs and what they may do."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["notify_invoice", "view_order"]

ALL_ROLES: Final[tuple[Role, ...]] = ("notify_invoice", "view_order")
DEFAULT_KEY: Final = "sandbox-key"
DEFAULT_TOKEN: Final = "sandbox-token"  # noqa: S105 - everybody may know it


@dataclass(frozen=True, slots=True)
class Pair:
    """An application key with its token, and its roles in one account."""

    app_key: str
    app_token: str
    roles: frozenset[Role]


_DEFAULT: Final = Pair(DEFAULT_KEY, DEFAULT_TOKEN, frozenset(ALL_ROLES))


class Credentials:
    """The pairs of each account; an account nobody spoke of takes the default."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[Pair]] = {}

    def add(self, account: str, pair: Pair, *, only: bool) -> None:
        """Accept *pair* in place of its former self, or of all others if *only*.

        Two tokens of one key can be valid at once, as in VTEX while one is rotated.
        """
        others = [] if only else self._pairs.get(account, [_DEFAULT])
        same = (pair.app_key, pair.app_token)
        kept = [p for p in others if (p.app_key, p.app_token) != same]
        self._pairs[account] = [*kept, pair]

    def roles(
        self, account: str, headers: Mapping[str, str]
    ) -> Collection[Role] | None:
        """Return the roles of the pair in *headers*, or `None` if it is not valid."""
        key = headers.get("X-VTEX-API-AppKey", "")
        token = headers.get("X-VTEX-API-AppToken", "")
        for pair in self._pairs.get(account, [_DEFAULT]):
            if _same(pair.app_key, key) and _same(pair.app_token, token):
                return pair.roles
        return None

    def clear(self) -> None:
        """Forget all pairs but the default."""
        self._pairs.clear()


def _same(known: str, given: str) -> bool:
    return hmac.compare_digest(
        known.encode(errors="surrogateescape"), given.encode(errors="surrogateescape")
    )
