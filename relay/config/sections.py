"""The sections that every deployment has, each with its defaults."""

from typing import Literal, Self

from pydantic import Field, model_validator

from relay.config.problems import problem
from relay.config.types import Count, Days, Seconds
from relay.domain.events import Value

MIB = 1024 * 1024


class IntakeSettings(Value):
    """How much is taken in at once, and how many refused requests are put aside."""

    body_limit: Count = MIB
    backlog_requests: Count = 2000
    backlog_bytes: Count = 64 * MIB
    rejected_count: int = Field(default=20, ge=0)
    rejected_bytes: int = Field(default=MIB, ge=0)
    rejected_days: Days = 7


class PublisherSettings(Value):
    """When VTEX is told, how long a call may take, and when to give up."""

    quiet_seconds: float = Field(default=3, ge=0, allow_inf_nan=False)
    news_wait_seconds: Seconds = 10
    unread_wait_seconds: Seconds = 60
    deadline_seconds: Seconds = 45
    lease_margin_seconds: Seconds = 15
    unconfirmed_wait_seconds: Seconds = 90
    look_round_seconds: Seconds = 1
    in_flight: Count = 8
    max_attempts: Count = 12
    not_yet_seconds: Seconds = 30
    not_yet_hours: Seconds = 72
    unavailable_seconds: Seconds = 10
    gate_seconds: Seconds = 60
    gate_cap_seconds: Seconds = 3600
    probe_seconds: Seconds = 600
    outage_probe_seconds: Seconds = 10
    read_back_again_seconds: Seconds = 600
    sweep_seconds: Seconds = 600

    @model_validator(mode="after")
    def _waits_fit(self) -> Self:
        if self.quiet_seconds > self.news_wait_seconds:
            message = "the quiet time is longer than news may wait"
            hint = "lower it, or raise publisher.news_wait_seconds"
            raise problem(message, hint, field="quiet_seconds")
        if self.gate_seconds > self.gate_cap_seconds:
            message = "a gate's shortest wait is longer than its longest"
            hint = "lower it, or raise publisher.gate_cap_seconds"
            raise problem(message, hint, field="gate_seconds")
        return self


class RetentionSettings(Value):
    """How long things are kept, and after how much silence a shipment expires."""

    documents_days: Days = 90
    repeats_days: Days = 7
    unmatched_days: Days = 60
    unreadable_days: Days = 180
    calls_days: Days = 400
    shipments_days: Days = 730
    expire_days: Days = 60


class LogSettings(Value):
    """How log lines look; without a format: console on a terminal, else JSON."""

    format: Literal["json", "console"] | None = None
    level: Literal["debug", "info", "warning", "error"] = "info"
