"""Numbers of things, as people read them."""

from relay.logs import counted


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "call") for n in range(3)] == ["0 calls", "1 call", "2 calls"]
    assert counted(2, "box", "boxes") == "2 boxes"
