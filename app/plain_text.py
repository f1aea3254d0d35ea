"""Foreign text made safe to store, compare and show: no markup characters are added or removed."""

from __future__ import annotations

import re
import unicodedata

# NUL and the other control characters, lone surrogates, noncharacters, the byte order mark, and
# the marks that turn the direction of the text around them (a title must not rewrite its page).
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
# Code points that show nothing; a word must not escape a comparison by hiding one of them.
_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f]")
_NOT_WORD = re.compile(r"[\W_]+")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc]")


def plain_text(value: str, *, max_length: int) -> str:
    """Return `value` on one line, normalised, without unwanted characters, cut at a word."""
    # Cut before the work: a title of five million characters costs no more than one of a thousand.
    value = unicodedata.normalize("NFC", _UNWANTED.sub("", value[: 8 * max_length]))
    value = " ".join(value.split())
    if len(value) <= max_length:
        return value
    kept = value[: max_length - 1]
    at_word, _, _ = kept.rpartition(" ")
    return (at_word if len(at_word) > max_length // 2 else kept).rstrip() + "\u2026"


def words_of(value: str) -> list[str]:
    """Return the words of `value` for comparing: case, look-alike forms and punctuation folded."""
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", value).casefold())
    return _NOT_WORD.sub(" ", _APOSTROPHES.sub("", folded)).split()


def contains_words(value: str, phrase: str) -> bool:
    """Say whether `phrase` stands in `value` as whole words, however both are spelled."""
    wanted = " ".join(words_of(phrase))
    return bool(wanted) and f" {wanted} " in f" {' '.join(words_of(value))} "
