"""How fast one process calls one account."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Bucket:
    """A token bucket without waiting: it says how long a caller has to.

    Tokens may be owed, so that callers are served in the order they came.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        if per_second <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above 0 and a burst of 1 or more")
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at: float | None = None

    def take(self, now: float) -> float:
        """Take a token at *now*; return the seconds until it may be used."""
        self._fill(now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self._per_second)

    def give_back(self) -> None:
        """Return a token that was not used."""
        self._tokens = min(self._burst, self._tokens + 1)

    def _fill(self, now: float) -> None:
        since = 0.0 if self._filled_at is None else max(0.0, now - self._filled_at)
        self._tokens = min(self._burst, self._tokens + since * self._per_second)
        self._filled_at = now


class Pacer:
    """Lets calls of one account through: so many a second, so many at once.

    VTEX publishes no limit for writes, and going over one stops the whole
    account (VTEX: best practices for rate limits). *clock* is monotonic, in
    seconds; replicas share the account's rate through the store, not here.
    """

    def __init__(
        self,
        requests_per_second: float,
        burst: int,
        in_flight: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if in_flight < 1:
            raise ValueError("in_flight must be 1 or more")
        self._bucket = Bucket(requests_per_second, burst)
        self._room = asyncio.Semaphore(in_flight)
        self._clock = clock
        self._sleep = sleep

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the places in flight, from when a call may start."""
        async with self._room:
            wait = self._bucket.take(self._clock())
            if wait:
                try:
                    await self._sleep(wait)
                except BaseException:
                    self._bucket.give_back()
                    raise
            yield
