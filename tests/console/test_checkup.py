"""The doctor's findings on the settings page."""

import json
import sys
from collections.abc import Sequence

from tests.console.conftest import Opening

FINDINGS = [
    {"subject": "settings", "level": "ok", "message": "valid", "hint": ""},
    {
        "subject": "accounts.store",
        "level": "error",
        "message": "VTEX answered <401>",
        "hint": "correct the keys",
    },
]


def doctor(printed: str) -> Sequence[str]:
    """Return a command that prints a text, and finds an error as the doctor does."""
    return (sys.executable, "-c", f"print({printed!r}); raise SystemExit(1)")


async def test_a_person_who_may_act_has_the_settings_checked_again(
    opening: Opening,
) -> None:
    maria = await opening(doctor=doctor(json.dumps(FINDINGS)))
    await maria.sign_in()
    page = await maria.get("/console/settings")
    assert "Not checked since the start." in page.text
    page = await maria.post("/console/settings/check", {"csrf": page.csrf})
    assert page.path == "/console/settings"
    assert "Checked 2026-03-02" in page.text
    assert "accounts.store must be fixed VTEX answered <401> correct" in page.text
    assert "settings all is well valid" in page.text
    # Who may only look sees the findings, and cannot ask for more.
    await maria.sign_in("vera")
    page = await maria.get("/console/settings")
    assert "VTEX answered <401>" in page.text
    assert "Check again" not in page.text
    answer = await maria.post("/console/settings/check", {"csrf": page.csrf})
    assert answer.status == 403


async def test_findings_are_not_for_people_limited_to_an_account(
    opening: Opening,
) -> None:
    otto = await opening(doctor=doctor(json.dumps(FINDINGS)))
    await otto.sign_in("otto")
    page = await otto.get("/console/settings")
    assert "doctor finds" not in page.text
    answer = await otto.post("/console/settings/check", {"csrf": page.csrf})
    assert answer.status == 403


async def test_a_doctor_that_fails_is_said_so(opening: Opening) -> None:
    maria = await opening(doctor=doctor("no findings"))
    await maria.sign_in()
    page = await maria.get("/console/settings")
    page = await maria.post("/console/settings/check", {"csrf": page.csrf})
    assert "The checks could not be run" in page.text
