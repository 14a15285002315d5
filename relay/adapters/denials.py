"""Carriers' texts that deny a delivery: "não entregue", "undelivered".

The phrases are data, in `denial_phrases.toml`. Some carriers give a code that means
delivered together with such a text. VTEX documents no way to take a delivery back, so
the text counts.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict

from relay.adapters.texts import Phrases, any_of, bare_words, listed

_MOST_BETWEEN: Final = 6
"""Words between a negation and the delivery that it denies."""
_SIGNS: Final = ((r"\^", "^"), (r"\$", "$"))


class Negated(BaseModel):
    """Words before and between, then the delivery: "nao foi possivel entregar"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: Phrases
    between: Phrases
    deliveries: Phrases


class Failed(BaseModel):
    """A delivery and what became of it: "entrega cancelada"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deliveries: Phrases
    after: Phrases


class DenialCorpus(BaseModel):
    """The phrases, and the parts of phrases, as in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phrases: Mapping[str, Phrases]
    negated: Negated
    failed: Failed

    @classmethod
    def load(cls) -> "DenialCorpus":
        """Load the phrases of this package."""
        file = files(__package__).joinpath("denial_phrases.toml")
        return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


DENIALS: Final = DenialCorpus.load()


def denies_delivery(text: str) -> bool:
    """Whether *text* says that its parcel was not delivered, or not yet."""
    return bool(_DENIAL.search(bare_words(text)))


def _any_of(phrases: Iterable[str]) -> str:
    """Return the expression of *phrases*, with the signs for both ends of a text."""
    found = any_of(phrases)
    for sign, means in _SIGNS:
        found = found.replace(sign, means)
    return found


def _pattern(corpus: DenialCorpus) -> re.Pattern[str]:
    """Compile *corpus* for the words of a text, which one space separates."""
    between = rf"(?: {_any_of(corpus.negated.between)}){{0,{_MOST_BETWEEN}}}"
    negated = corpus.negated
    failed = corpus.failed
    ways = (
        _any_of(listed(corpus.phrases)),
        f"{_any_of(negated.before)}{between} {_any_of(negated.deliveries)}",
        f"{_any_of(failed.deliveries)}{between} {_any_of(failed.after)}",
    )
    return re.compile("|".join(rf"(?<!\w){way}(?!\w)" for way in ways))


_DENIAL: Final = _pattern(DENIALS)
