"""Every code of a problem or warning is explained, in the docs as well."""

from pathlib import Path

import pytest

from relay.problem_codes import (
    PROBLEMS,
    WARNINGS,
    CodedWarning,
    ProblemCode,
    WarningCode,
    explanation,
    page,
)

PAGE = Path(__file__).parents[1] / "docs" / "problems.md"


@pytest.mark.parametrize("code", [*ProblemCode, *WarningCode])
def test_every_code_is_explained(code: str) -> None:
    meaning = explanation(code)

    assert meaning is not None
    assert meaning.endswith(".")


def test_codes_are_written_in_one_way_and_mean_one_thing() -> None:
    codes = [str(code) for code in (*PROBLEMS, *WARNINGS)]

    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").islower() for code in codes)
    assert explanation("teapot") is None


def test_the_page_of_the_docs_has_every_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_warning_is_a_line_for_people_with_a_code() -> None:
    warning = CodedWarning(WarningCode.VALUE_IGNORED, "ignored; PATCH it", "courier")

    assert warning == "courier: ignored; PATCH it"
    assert (warning.code, warning.field) == ("value_ignored", "courier")
    assert CodedWarning(WarningCode.EVENTS_MAY_REPEAT, "twice") == "twice"
