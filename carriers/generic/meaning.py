"""What a carrier's code or words mean, by the contract's rows and rules."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self
from unicodedata import combining, normalize

from pydantic import BeforeValidator, InstanceOf, model_validator

from relay.adapters.codes import UNKNOWN, CodeRow
from relay.adapters.text_rules import names_return, normalised
from relay.domain.events import FINAL, Effect, Milestone, Reason, Value

_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})
_ZEROS: Final = re.compile(r"0+(?=[0-9])")


def _pattern(text: Any) -> re.Pattern[str]:
    """Compile *text* for words without accents, whatever its case."""
    letters = normalize("NFKD", text) if isinstance(text, str) else "("
    try:
        bare = "".join(c for c in letters if not combining(c))
        return re.compile(bare, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from None


Pattern = Annotated[InstanceOf[re.Pattern[str]], BeforeValidator(_pattern)]


class TextRule(Value):
    """What words mean: `contains` anywhere in a text, or `matches` the whole of it."""

    contains: str = ""
    matches: Pattern | None = None
    milestone: Milestone
    reason: Reason | None = None
    effect: Effect = Effect.NORMAL

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(normalised(self.contains)) == bool(self.matches):
            raise ValueError("it needs either contains or matches")
        if self.contains and self.milestone in FINAL:
            raise ValueError(
                f"contains cannot say {self.milestone} ('not delivered' would fit): "
                "use matches, for the whole text"
            )
        return self

    def fits(self, words: str) -> bool:
        """Whether the rule is about *words*, plain ones.

        Words that speak of a return are no delivery, whatever a rule says, and no
        rule that looks for a part of them may take them for something else.
        """
        if self.milestone not in _BACK and names_return(words):
            whole = self.matches and self.milestone is not Milestone.DELIVERED
            return bool(whole and self.matches and self.matches.fullmatch(words))
        if self.matches:
            return bool(self.matches.fullmatch(words))
        return normalised(self.contains) in words

    @property
    def row(self) -> CodeRow:
        """What it means, as a row of a code table."""
        return CodeRow(milestone=self.milestone, reason=self.reason, effect=self.effect)


class Meaning:
    """Codes first; words only for a code that no row knows, a return before all."""

    def __init__(
        self,
        rows: Mapping[str, CodeRow],
        rules: Iterable[TextRule],
        effects: Mapping[str, Effect],
        *,
        strip_zeros: bool,
    ) -> None:
        self._strip = strip_zeros
        self._rows = {self.spelled(code): row for code, row in rows.items()}
        self._effects = {self.spelled(code): e for code, e in effects.items()}
        self._rules = sorted(rules, key=lambda rule: rule.milestone not in _BACK)

    def spelled(self, code: str) -> str:
        """Spell *code* as the rows do: a number without zeros before it, if wanted."""
        number = self._strip and code.isascii() and code.isdigit()
        return _ZEROS.sub("", code, count=1) if number else code

    def row(self, code: str, text: str) -> CodeRow:
        """Return what *code*, with its words *text*, means."""
        row = self._rows.get(code) or self._by_words(normalised(text))
        effect = self._effects.get(code, row.effect)
        return (
            row if effect is row.effect else row.model_copy(update={"effect": effect})
        )

    def _by_words(self, words: str) -> CodeRow:
        fitting = (rule.row for rule in self._rules if words and rule.fits(words))
        return next(fitting, UNKNOWN)
