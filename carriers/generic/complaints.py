"""Problems in the options of a contract, each named by its key as it was written."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from relay.validation_errors import MISSING, OPTIONS, UNKNOWN, Place, Schema, Translator


class OptionsSchema(Schema):
    """Options of a model; at their top a setting of every contract may be meant."""

    def __init__(self, model: type[BaseModel], settings: Collection[str]) -> None:
        super().__init__(model)
        self._settings = tuple(sorted(settings))

    def names(self, place: Place) -> Sequence[str]:
        """Return the options that may stand in the table at *place*, sorted."""
        return sorted(super().names(place))

    def more_names(self, place: Place) -> Sequence[str]:
        """Return the settings of every contract, which stand beside the options."""
        return () if place else self._settings


def complaints(
    error: ValidationError,
    given: Mapping[str, Any],
    model: type[BaseModel],
    settings: Collection[str],
) -> Iterator[str]:
    """Yield the problems in *given*, options of *model*: misspelt keys first.

    *settings* are the keys of every contract; one of them may have been meant.
    """
    translator = Translator(OptionsSchema(model, settings), OPTIONS)
    # Options that are not known first: what is missing may follow from them.
    problems = sorted(translator.problems(error), key=lambda one: one.kind != UNKNOWN)
    for found in problems:
        key = _key(found.place, given, whole=found.kind == MISSING)
        yield f"{key}: {found}"


def _key(place: Place, given: Any, *, whole: bool = False) -> str:
    """Return *place* as the key that was written, without what a short form implies.

    With *whole* the last part is shown although it was not written.
    """
    parts: list[str] = []
    if place[0] == "signature":
        place = place[:1] + place[2:]  # pydantic adds the kind of a tagged union
    for index, part in enumerate(place):
        if _is_written(given, part):
            given = given[part]
        elif not (whole and index == len(place) - 1):
            continue
        parts.append(str(part))
    return ".".join(parts)


def _is_written(given: Any, part: str | int) -> bool:
    """Return whether *given* has that part, not a short form in its place."""
    if isinstance(part, int):
        return isinstance(given, list | tuple)
    return isinstance(given, Mapping) and part in given
