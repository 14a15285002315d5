"""The invalid fields of one request, reported at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from relay.errors import InvalidLabel, RegistrationError


@dataclass(slots=True)
class InvalidFields:
    """Collects the invalid fields of one request, so that all are reported at once."""

    found: list[RegistrationError] = field(default_factory=list)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Collect an `InvalidLabel` of the block, which ends there."""
        try:
            yield
        except InvalidLabel as error:
            self.found.extend(error.each())

    def refuse(self) -> None:
        """Raise `InvalidLabel` with all that were collected, if there are any."""
        if self.found:
            raise all_of(self.found)


def all_of(problems: Sequence[RegistrationError]) -> InvalidLabel:
    """Return one error for several invalid fields, the first one with the others."""
    first, *others = problems
    return InvalidLabel(
        str(first), field=first.field, hint=first.hint, code=first.code, others=others
    )
