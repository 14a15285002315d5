"""Numbers of things, as people read them."""


def counted(number: int, one: str, many: str = "") -> str:
    """Say *number* with its noun: `1 account`, `2 accounts`.

    *many* is needed where it is not *one* with an s behind it.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
