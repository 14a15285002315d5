"""What a model takes, as somebody is told who sent something else."""

from collections.abc import Iterable
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from relay.registering.guessing import closest

Place = tuple[str | int, ...]
"""Where something stands in a body: `("parcels", 0, "volume")`."""


def names(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of the fields of *model*, as they are sent."""
    return tuple(f.alias or name for name, f in model.model_fields.items())


def model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """Return the model of what stands at *place* in a body of *model*."""
    for part in place:
        if isinstance(part, str):
            model = _inside(_field(model, part).annotation) or model
    return model


def example_at(model: type[BaseModel], place: Place) -> str:
    """Return an example of the field at *place*, '' if it has none."""
    *above, name = place
    field = _field(model_at(model, tuple(above)), str(name))
    return str(field.examples[0]) if field.examples else ""


def shape(model: type[BaseModel]) -> str:
    """Spell what a body of *model* has to have, or may: `{"labels": […]}`."""
    fields = list(model.model_fields.items())
    needed = [(name, field) for name, field in fields if field.is_required()]
    spelled = [
        f'"{field.alias or name}": {"[…]" if _is_list(field.annotation) else "…"}'
        for name, field in needed or fields[:1]
    ]
    return f"{{{', '.join(spelled)}}}"


def meant(name: str, model: type[BaseModel], left: Iterable[str]) -> str:
    """Return the field that was meant by *name*, '' if nobody can say.

    *left* are those that were not given: a single one is meant, whatever its name.
    """
    only = tuple(left)
    return closest(name, names(model)) or (only[0] if len(only) == 1 else "")


def _field(model: type[BaseModel], part: str) -> Any:
    return next(
        field
        for name, field in model.model_fields.items()
        if part in (name, field.alias)
    )


def _inside(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inside(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple
