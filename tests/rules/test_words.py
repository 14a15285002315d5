"""What users read is plain English: no word of a dialect that was given up."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

PAGES: Final = (
    "README.md",
    "docs/**/*.md",
    "carriers/*/README.md",
    "relay/config/template*",
)
MODULES: Final = ("relay/**/*.py", "carriers/**/*.py")

BANNED: Final[Mapping[str, str]] = {
    r"nobody|no-one": "no client, no process",
    r"somebody|whoever": "the user, the caller, you",
    r"nought": "zero, nothing",
    r"anew": "again",
    r"mend(s|ed|ing)?": "fix, correct",
    r"retell|retold|retelling": "resend",
    r"told|tellable": "published, sent, publishable",
    r"way[\s_]*out": "hint, how to fix",
    r"untrusted": "rejected",
    r"(?<!there\s)is\s+no": "is not a",
    r"as\s+it\s+should\s+be": "ok",
    r"(is|are|was)\s+not\s+there": "missing, does not exist",
    r"speaks?|spoken": "uses, supports",
    r"doors?": "channel, endpoint",
    r"hand(s|ed|ing)?\s+over": "handover",
    r"(is|are|was|were|be)\s+heard|hears|hearing": "received, event log",
    r"doubts?": "unconfirmed",
    r"announc(e|es|ed|ing)": "send the tracking number",
    r"sets?\s+aside|asides?": "rejected",
}
"""Words that are not used, and what is said in their place."""

PATTERNS: Final = {
    re.compile(rf"\b({banned})\b", re.IGNORECASE): better
    for banned, better in BANNED.items()
}


@dataclass(frozen=True)
class Found:
    """A banned word at a line of a file."""

    place: str
    word: str
    better: str

    def __str__(self) -> str:
        return f"{self.place}: {self.word!r}; say {self.better}"


def banned(text: str, place: str, line: int = 1) -> Iterator[Found]:
    """Yield the banned words of a text that begins at a line of a file."""
    for pattern, better in PATTERNS.items():
        for match in pattern.finditer(text):
            number = line + text.count("\n", 0, match.start())
            yield Found(f"{place}:{number}", match[0], better)


def files(*patterns: str) -> list[Path]:
    """Return the files under the project's root that a pattern names."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path.relative_to(ROOT) for path in found if path.is_file())


def texts(module: Path) -> Iterator[tuple[str, int]]:
    """Yield the strings and docstrings of a module, f-strings by their parts."""
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


@pytest.mark.parametrize("page", files(*PAGES), ids=str)
def test_a_page_is_in_plain_english(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [str(f) for f in banned(text, str(page))] == []


def test_the_changelog_is_in_plain_english() -> None:
    """Only code names a name that was given up."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    prose = re.sub(r"`[^`\n]*`", "``", text)
    assert [str(f) for f in banned(prose, "CHANGELOG.md")] == []


@pytest.mark.parametrize("module", files(*MODULES), ids=str)
def test_a_message_is_in_plain_english(module: Path) -> None:
    found = [
        str(f) for text, line in texts(module) for f in banned(text, str(module), line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Nobody answers.", "Nobody"),
        ("it was told\nand mended", "mended"),
        ("the file is no database", "is no"),
        ("wayOut", "wayOut"),
        ("it was handed\nover", "handed\nover"),
    ],
)
def test_a_banned_word_is_found(text: str, word: str) -> None:
    assert word in [f.word for f in banned(text, "a page")]


@pytest.mark.parametrize(
    "text", ["there is no default", "in_doubt", "amended", "recommend", "outdoors"]
)
def test_other_words_are_left_alone(text: str) -> None:
    assert list(banned(text, "a page")) == []
