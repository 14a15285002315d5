"""Infer which fields of a sample hold the parcel, the code, the time and the text.

Right or unsure, never a silent guess: a field is inferred only if one candidate is
clearly the best. Otherwise `Inference.unsure` has the candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from relay.adapters.personal_data import personal_paths
from relay.errors import ConfigurationError
from relay.scaffold import sample_fields, sample_numbers, sample_times
from relay.scaffold.sample import (
    Items,
    Leaves,
    Path,
    document,
    empty_lists,
    has_rows_without_names,
    json_value,
    leaves,
    lists,
    nested_texts,
)
from relay.scaffold.sample_numbers import NumberField
from relay.scaffold.sample_times import TimeField
from relay.scaffold.words import EVENT, NO_EVENTS, words_of

_SURE_TIME: Final = 1
"""Ranks of times that are the event's by their name."""
_SURE_NUMBER: Final = 1
"""Ranks of numbers that identify a parcel, whatever other numbers there are."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """A field that was not inferred: *why*, and what it may be."""

    field: str
    why: str
    candidates: tuple[Any, ...] = ()

    def __str__(self) -> str:
        """Return the reason, and what the field may be."""
        names = ", ".join(dict.fromkeys(map(_named, self.candidates)))
        return f"{self.why}: {names}" if names else self.why


@dataclass(frozen=True, slots=True)
class Inference:
    """The fields of a sample; None and empty ones were not inferred or are missing.

    `code`, `text` and `time` begin at an event; `number` says where it begins.
    `personal` are fields that may be personal data, from the document.
    """

    items: Items | None = None
    number: NumberField | None = None
    code: Path = ()
    time: TimeField | None = None
    text: Path = ()
    personal: tuple[Path, ...] = ()
    unsure: tuple[Unsure, ...] = ()


def _named(candidate: Any) -> str:
    """Return a candidate as a path with dots."""
    match candidate:
        case Items(levels=levels):
            paths = [path for path in levels if path]
            return ".".join(".".join(p) for p in paths) or "the document"
        case TimeField(path=path) | NumberField(path=path):
            return ".".join(path)
        case _:
            return ".".join(candidate)


def infer(body: bytes) -> Inference:
    """Infer the fields of a sample; raise `ConfigurationError` if it has no event."""
    value = json_value(body)
    if has_rows_without_names(value):
        raise ConfigurationError(
            "sample: the fields of its lists have no names; copy an adapter for a "
            "similar format instead"
        )
    personal = tuple(dict.fromkeys(personal_paths(value)))
    candidates = _events(value)
    if not candidates:
        raise _without_event(value)
    if len(candidates) > 1:
        why = "more than one place may have the events"
        unsure = Unsure("events", why, tuple(candidates))
        return Inference(personal=personal, unsure=(unsure,))
    return _fields(candidates[0], personal)


def _fields(items: Items, personal: tuple[Path, ...]) -> Inference:
    events = [dict(leaves(item)) for item in items.items]
    unsure: list[Unsure] = []
    time = _time(items, events, unsure)
    times = sample_times.time_fields(events)
    taken = frozenset(p for f in times for p in (f.path, f.hour) if p is not None)
    around = time.path[:-1] if time else ()
    code = _code(sample_fields.codes(events, taken, around), unsure)
    text = _text(sample_fields.texts(events, taken | {code}, around), unsure)
    number = _number(items, taken | {code, text}, unsure)
    return Inference(items, number, code, time, text, personal, tuple(unsure))


def _time(
    items: Items, events: Sequence[Leaves], unsure: list[Unsure]
) -> TimeField | None:
    fields = sample_times.time_fields(events)
    best = [f for f in fields if f.rank == fields[0].rank]
    # The creation of a list's item is that of the event; of a document, of anything.
    is_named = best[0].rank <= _SURE_TIME or (bool(items.levels) and len(fields) == 1)
    # A document's own time may be that of the call, if an object in it has another.
    outside = not items.levels and any(
        len(f.path) > len(best[0].path) for f in fields if f.rank > best[0].rank
    )
    is_named = is_named and not (outside and best[0].rank)
    if len(best) == 1 and is_named and len(best[0].layouts) == 1 and best[0].has_clock:
        return best[0]
    if len(best) == 1 and len(best[0].layouts) > 1:
        why = "day and month may be in either order"
    elif len(best) == 1 and not best[0].has_clock:
        why = "the time of day is missing"
    elif len(fields) == 1:
        why = "its name does not say that it is the event's"
    else:
        why = "several times"
    unsure.append(Unsure("time", why, tuple(fields)))
    return None


def _code(ranked: sample_fields.Ranked, unsure: list[Unsure]) -> Path:
    if not ranked:
        unsure.append(Unsure("code", "no field looks like the code of an event"))
        return ()
    best = [path for rank, path in ranked if rank == ranked[0][0]]
    second = [path for rank, path in ranked if rank == sample_fields.SECOND_RANK]
    if len(best) == 1 and not second:
        return best[0]
    why = "several codes; one may need the other (paths, separator)"
    unsure.append(Unsure("code", why, tuple(path for _, path in ranked)))
    return ()


def _text(ranked: sample_fields.Ranked, unsure: list[Unsure]) -> Path:
    best = [path for rank, path in ranked if rank == ranked[0][0]]
    if len(best) == 1:
        return best[0]
    if best:
        unsure.append(Unsure("text", "several texts", tuple(p for _, p in ranked)))
    return ()


def _number(
    items: Items, taken: frozenset[Path], unsure: list[Unsure]
) -> NumberField | None:
    found = sample_numbers.numbers(items, taken)
    best = [one for one in found if one.rank == found[0].rank]
    bare = any(one.rank == sample_numbers.BARE for one in found)
    if len(best) == 1 and (best[0].rank <= _SURE_NUMBER or not bare):
        return best[0]
    why = "several numbers" if best else "no field looks like the number of a parcel"
    unsure.append(Unsure("references", why, tuple(found)))
    return None


def _events(value: Any) -> list[Items]:
    """Return where the events may be: one if it is clear, none if there is no event."""
    found = [items for items in lists(value) if _is_timed(items)]
    named = [items for items in found if words_of(items.name) & EVENT]
    if len(named) > 1:
        return _deepest(named)
    whole = document(value)
    is_event = isinstance(value, dict) and _is_timed(whole)
    if named:
        # A list of prices may be called history, too.
        return [whole, *named] if is_event and not _has_codes(named[0]) else named
    plain = [items for items in found if not words_of(items.name) & NO_EVENTS]
    empty = [
        path for path in empty_lists(value) if words_of(" ".join(path[-1:])) & EVENT
    ]
    if empty:
        raise ConfigurationError(
            f"sample: {'.'.join(empty[0])} is an empty list; use a sample with an event"
        )
    return [whole, *plain] if is_event else plain or found


def _deepest(named: list[Items]) -> list[Items]:
    """Return the only list that is in the items of all others, or else all."""
    last = max(named, key=lambda items: len(items.levels))
    inside = all(last.levels[: len(i.levels)] == i.levels for i in named)
    return [last] if inside else named


def _has_codes(items: Items) -> bool:
    events = [dict(leaves(item)) for item in items.items]
    ranked = sample_fields.codes(events, frozenset())
    return any(rank != sample_fields.SECOND_RANK for rank, _ in ranked)


def _is_timed(items: Items) -> bool:
    """Whether the items have a time, and a code or a text: they may be events."""
    if not all(isinstance(item, dict) for item in items.items):
        return False
    events = [dict(leaves(item)) for item in items.items]
    times = sample_times.time_fields(events) if events[0] else []
    taken = frozenset(f.path for f in times)
    return bool(times) and bool(
        sample_fields.codes(events, taken) or sample_fields.texts(events, taken)
    )


def _without_event(value: Any) -> ConfigurationError:
    nested = nested_texts(value)
    if nested:
        path = ".".join(nested[0]) or "the document"
        return ConfigurationError(
            f"sample: {path} is a text that holds another document; use the inner one "
            "as the sample, and see `body` in carriers/generic/README.md"
        )
    return ConfigurationError(
        "sample: no object has a time, and a code or a text; use a sample with an event"
    )
