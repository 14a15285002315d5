"""Time limits of PostgreSQL connections: a dead or frozen peer must not hold others."""

import socket
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class PostgresLimits:
    """How long to wait for the server, and the server for this process; in seconds.

    `connect` and `acquire` bound the wait for a new and for a free connection.
    `statement`, `lock` and `idle` are enforced by the server: a process that is frozen
    inside a transaction loses it after `idle`. `command` is this side's limit, in case
    the server does not answer at all, and so it is a little longer than `statement`.
    """

    connect: float = 5
    acquire: float = 10
    statement: float = 20
    command: float = 22
    lock: float = 5
    idle: float = 10
    migrating: float = 120

    def connection(self) -> dict[str, Any]:
        """Return the options of a connection; `asyncpg.connect` describes them."""
        return {
            "timeout": self.connect,
            "command_timeout": self.command,
            "server_settings": {
                "application_name": "carrier-tracking-relay",
                "statement_timeout": _milliseconds(self.statement),
                "lock_timeout": _milliseconds(self.lock),
                "idle_in_transaction_session_timeout": _milliseconds(self.idle),
                # For the server's side of a connection whose other end is gone.
                "tcp_keepalives_idle": str(IDLE),
                "tcp_keepalives_interval": str(INTERVAL),
                "tcp_keepalives_count": str(COUNT),
                "tcp_user_timeout": _milliseconds(UNANSWERED),
            },
        }

    def migration(self) -> str:
        """Return the statement that lifts the limits for a migration."""
        limit = _milliseconds(self.migrating)
        return (
            f"SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}"
        )


IDLE: Final = 30
INTERVAL: Final = 10
COUNT: Final = 3
UNANSWERED: Final = 30
"""TCP: idle seconds before the first probe, between probes, how many, and how long
sent data may stay without an acknowledgement."""

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", IDLE),
    ("TCP_KEEPINTVL", INTERVAL),
    ("TCP_KEEPCNT", COUNT),
    ("TCP_USER_TIMEOUT", UNANSWERED * 1000),
)


async def guard_socket(connection: Any) -> None:
    """Let the kernel notice a dead peer of *connection*.

    asyncpg has no option for it: https://github.com/MagicStack/asyncpg/issues/606
    """
    peer = connection._transport.get_extra_info("socket")  # noqa: SLF001
    if peer is None or peer.family == getattr(socket, "AF_UNIX", None):
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS:
        if hasattr(socket, name):  # not every system has all of them
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
