"""What a test needs and a user's machine may lack."""

import os
from typing import NoReturn

import pytest


def lacking(why: str) -> NoReturn:
    """Skip the test, saying *why*; where everything must be there, fail it."""
    if os.environ.get("TESTS_REQUIRE_ALL") == "1":
        pytest.fail(why)
    pytest.skip(why)
