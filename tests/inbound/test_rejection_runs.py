"""Rejections in a row raise one alert, and are shown until a webhook is accepted."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from relay.adapters.protocol import WebhookRequest
from relay.errors import SignatureMissing, VerificationFailed
from relay.inbound.intake import Intake
from relay.inbound.rejection_runs import AGAIN, PRESENT, RUN
from tests.support import acme
from tests.support.clock import START
from tests.support.way_in import WayIn


async def send(intake: Intake, *, signed: bool) -> None:
    content = b"{}"
    headers = {} if signed else {"x-signature": "00"}
    if signed:
        await intake.accept("acme", acme.request(content))
        return
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", acme.request(content, **headers))


async def alerts(intake: Intake, *webhooks: bool) -> list[str]:
    with capture_logs() as lines:
        for signed in webhooks:
            await send(intake, signed=signed)
    return [line["reason"] for line in lines if line["event"] == "alert"]


async def test_the_first_run_of_rejections_is_an_alert_once(way_in: WayIn) -> None:
    intake = way_in.intake()
    reasons = await alerts(intake, *[False] * (RUN + 5))
    assert reasons == [
        "3 webhooks rejected in a row (the signature does not match the body)"
    ]
    await intake.close()


async def test_single_forged_requests_are_no_alert(way_in: WayIn) -> None:
    intake = way_in.intake()
    assert await alerts(intake, *[False, False, True] * 4) == []
    await intake.close()


async def test_runs_that_repeat_are_one_alert_an_hour(way_in: WayIn) -> None:
    intake = way_in.intake()
    run = [False] * RUN + [True]
    assert len(await alerts(intake, *run, *run)) == 1
    way_in.clock.advance(AGAIN - timedelta(seconds=1))
    assert await alerts(intake, *run) == []
    way_in.clock.advance(timedelta(seconds=1))
    assert len(await alerts(intake, *run)) == 1
    await intake.close()


async def test_a_run_is_shown_until_a_webhook_is_accepted(way_in: WayIn) -> None:
    intake = way_in.intake()
    runs = intake.rejection_runs
    await alerts(intake, False, False)
    assert runs.warnings(way_in.clock()) == []
    await alerts(intake, False, False)
    (warning,) = runs.warnings(way_in.clock())
    assert warning.startswith("requests with a wrong signature to the webhooks of 1 ")
    assert f"since {START:%Y-%m-%d %H:%M} UTC" in warning
    assert "acme" not in warning
    await alerts(intake, True)
    assert runs.warnings(way_in.clock()) == []
    await intake.close()


async def test_a_run_is_no_longer_shown_an_hour_after_its_last_rejection(
    way_in: WayIn,
) -> None:
    intake = way_in.intake()
    await alerts(intake, *[False] * RUN)
    way_in.clock.advance(PRESENT)
    assert intake.rejection_runs.warnings(way_in.clock())
    way_in.clock.advance(timedelta(seconds=1))
    assert intake.rejection_runs.warnings(way_in.clock()) == []
    await alerts(intake, False)
    assert intake.rejection_runs.warnings(way_in.clock()) == []
    await intake.close()


async def test_requests_without_a_signature_say_nothing_about_the_secret(
    way_in: WayIn,
) -> None:
    intake = way_in.intake()
    with capture_logs() as lines:
        for _ in range(RUN):
            with pytest.raises(SignatureMissing):
                await intake.accept("acme", WebhookRequest({}, b"{}"))
    [hint] = [line["hint"] for line in lines if line["event"] == "alert"]
    assert "secret" not in hint
    [warning] = intake.rejection_runs.warnings(way_in.clock())
    assert "no signature" in warning
    await intake.close()
    found = await way_in.rows("rejected_requests")
    assert [row["unsigned"] for row in found] == [1] * RUN
