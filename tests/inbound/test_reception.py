"""Bytes of bodies that are arriving are counted, and forgotten at the end."""

import pytest

from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull
from relay.inbound.reception import SMALL, Reception


def reception(room: int) -> Reception:
    def check(size: int) -> None:
        if size > room:
            raise BacklogFull("full")

    return Reception(Limits(), check)


def test_the_beginning_of_each_body_is_free() -> None:
    made = reception(0)
    with made.arrival() as first, made.arrival() as second:
        for arrival in (first, second):
            arrival.add(SMALL - 1)
            arrival.add(1)
        assert made.bytes == 0
        made.check_room(SMALL)
        with pytest.raises(BacklogFull):
            first.add(1)
        with pytest.raises(BacklogFull):
            made.check_room(SMALL + 1)


def test_all_bodies_together_are_bounded_until_they_end() -> None:
    made = reception(100)
    with made.arrival() as first:
        first.add(SMALL + 60)
        with made.arrival() as second:
            second.add(SMALL + 30)
            with pytest.raises(BacklogFull):
                second.add(20)
        assert made.bytes == 60
        with pytest.raises(BacklogFull):
            made.check_room(SMALL + 1)
    assert made.bytes == 0
