"""Passwords of people: hashes, checks that cost the same for everybody, and a brake."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from relay.config.users import ConsoleUser

SHORTEST: Final = 12
"""Characters that a password must have: https://pages.nist.gov/800-63-4/sp800-63b.html"""
FREE: Final = 5
"""Wrong passwords in a row before waits begin."""
LONGEST_WAIT: Final = timedelta(minutes=15)
REMEMBERED: Final = 10_000
"""Names and addresses whose wrong passwords are counted."""

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with a salt of its own."""
    return _hasher.hash(password)


@cache
def _hash_for_unknown_names() -> str:
    """Return a hash that is checked for unknown names: they take as long as known."""
    return hash_password("no password at all")


def _fits(password: str, user: ConsoleUser | None) -> bool:
    stored = user.password_hash if user is not None else None
    try:
        _hasher.verify(stored or _hash_for_unknown_names(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


@dataclass(slots=True)
class _Failures:
    """Wrong passwords in a row, and until when no further one is tried."""

    count: int = 0
    until: datetime | None = None


@dataclass(slots=True)
class SignInGuard:
    """Checks passwords, one at a time, and slower after each wrong one.

    It counts by name and by address: one address cannot try many names, and many
    addresses cannot try one name.
    """

    _failures: OrderedDict[str, _Failures] = field(default_factory=OrderedDict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wait(self, name: str, address: str, now: datetime) -> timedelta:
        """Return how long these have to wait before the next try; zero for not."""
        until = [
            failures.until
            for key in _keys(name, address)
            if (failures := self._failures.get(key)) and failures.until
        ]
        return max([u - now for u in until], default=timedelta(0))

    async def check(
        self, user: ConsoleUser | None, password: str, name: str, address: str,
        now: datetime,
    ) -> bool:  # fmt: skip
        """Return whether *password* is the user's; count a wrong one."""
        async with self._turn:  # a hash takes much memory, on purpose
            fits = await asyncio.to_thread(_fits, password, user)
        for key in _keys(name, address):
            if fits:
                self._failures.pop(key, None)
            else:
                self._count(key, now)
        return fits

    def _count(self, key: str, now: datetime) -> None:
        failures = self._failures.setdefault(key, _Failures())
        self._failures.move_to_end(key)
        failures.count += 1
        excess = failures.count - FREE
        if excess >= 0:
            seconds = 2.0 ** min(excess, 20)
            failures.until = now + min(timedelta(seconds=seconds), LONGEST_WAIT)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"name {name}", f"address {address}"
