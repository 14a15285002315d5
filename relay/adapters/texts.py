"""Carriers' texts: their form for comparison, and the phrases that mean a return.

The phrases are data, in `return_phrases.toml`. VTEX documents no way to take a delivery
back, so a text that may mean a return never becomes a delivery.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from html import unescape
from importlib.resources import files
from typing import Annotated, Final
from unicodedata import category, combining, normalize

from pydantic import BaseModel, ConfigDict, Field

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MOST_BETWEEN: Final = 5
"""Words between a preposition and the sender: "na loja do cliente remetente"."""
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")

Phrases = Annotated[tuple[str, ...], Field(min_length=1)]


class Parties(BaseModel):
    """Parts of phrases that name the sender or the origin: "a loja de origem"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: Phrases
    between: Phrases
    who: Phrases
    origins: Phrases
    received: Phrases
    by: Phrases


class Corpus(BaseModel):
    """The phrases by language, as in the file; `*` ends a word stem.

    `returns` mention a return in any text. `senders` and `parties` name the sender or
    the origin, which means a return only together with a delivery. `places` are the
    recipient's, whatever they look like.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    returns: Mapping[str, Phrases]
    senders: Mapping[str, Phrases]
    parties: Parties
    places: Mapping[str, Phrases]
    abbreviations: Mapping[str, str]

    @classmethod
    def load(cls) -> "Corpus":
        """Load the phrases of this package."""
        file = files(__package__).joinpath("return_phrases.toml")
        return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


def normalised(text: str) -> str:
    """Return *text* in lower case, without accents and extra spaces."""
    letters = normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in letters if not combining(c)).split())


CORPUS: Final = Corpus.load()


def names_return(text: str) -> bool:
    """Whether *text* mentions a return to the sender, even as a possibility."""
    return bool(_RETURNS.search(bare_words(text)))


def may_deliver(text: str) -> bool:
    """Whether *text* may describe a delivery to the recipient.

    False if it mentions a return, the sender as who received it, or the origin as the
    place.
    """
    words = _PLACES.sub("", bare_words(text))
    return not (_NOT_DELIVERED.search(words) or _PARTIES.search(words))


def bare_words(text: str) -> str:
    """Return the words of *text* without punctuation, short forms written out."""
    # Some carriers escape their texts for a page: N&Atilde;O ENTREGUE.
    text = unescape(text) if "&" in text else text
    # Zero-width characters and soft hyphens (category Cf) would split a phrase.
    seen = "".join(c for c in text if category(c) != "Cf")
    # Some carriers send names of constants: DELIVERED_TO_SENDER, returnedToSender.
    words = _BETWEEN_WORDS.split(normalised(_CAMEL.sub(" ", seen)))
    return " ".join(CORPUS.abbreviations.get(word, word) for word in words if word)


def any_of(phrases: Iterable[str]) -> str:
    """Return the expression of *phrases*, which are as `bare_words` except for `*`."""
    # Alternatives that occur twice would be tried twice.
    stems = dict.fromkeys(
        " ".join(CORPUS.abbreviations.get(word, word) for word in phrase.split())
        for phrase in phrases
    )
    alternatives = (re.escape(stem).replace(r"\*", r"\w*") for stem in stems)
    return f"(?:{'|'.join(alternatives)})"


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\b{any_of(phrases)}\b")


def _parties(parts: Parties) -> re.Pattern[str]:
    """Compile the phrases of *parts*."""
    between = rf"(?: {any_of(parts.between)}){{0,{_MOST_BETWEEN}}}"
    whose = any_of((*parts.who, *parts.origins))
    ways = (
        f"{any_of(parts.to)}{between} {whose}",
        f"{any_of(parts.received)} {any_of(parts.by)}{between} {any_of(parts.who)}",
    )
    return re.compile(rf"\b(?:{'|'.join(ways)})\b")


def listed(*groups: Mapping[str, Phrases]) -> list[str]:
    """Return the phrases of all languages of *groups*."""
    return [
        phrase for group in groups for phrases in group.values() for phrase in phrases
    ]


_RETURNS: Final = _pattern(listed(CORPUS.returns))
_NOT_DELIVERED: Final = _pattern(listed(CORPUS.returns, CORPUS.senders))
_PARTIES: Final = _parties(CORPUS.parties)
_PLACES: Final = _pattern(listed(CORPUS.places))
