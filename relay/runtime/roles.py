"""What a process of the relay does: all of it, or one of its two halves."""

from dataclasses import dataclass
from enum import StrEnum

from relay.runtime.channel import Channel


class Role(StrEnum):
    """A part of the work: HTTP, or everything that follows."""

    INTAKE = "intake"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Part:
    """Which roles a process has, and what its parent gave it.

    Without *role* it has both. A process with a *channel* is one of two that a
    supervisor started: the supervisor holds the lock of an SQLite file, and *unclean*
    says whether the worker before, or the last relay, was killed.
    """

    role: Role | None = None
    channel: Channel | None = None
    unclean: bool | None = None

    @property
    def receives(self) -> bool:
        """Whether it answers carriers, the ERP and operators."""
        return self.role is not Role.WORKER

    @property
    def works(self) -> bool:
        """Whether it parses, publishes, polls and cleans up."""
        return self.role is not Role.INTAKE

    @property
    def listens(self) -> bool:
        """Whether it has an HTTP server; a worker started alone answers probes."""
        return self.receives or not self.supervised

    @property
    def supervised(self) -> bool:
        """Whether it is one of two processes under a supervisor."""
        return self.channel is not None


BOTH = Part()
"""One process with both roles."""
