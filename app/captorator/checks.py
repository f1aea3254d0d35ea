"""Quality checks of a finished caption: they read the text, not the intentions behind it."""

from __future__ import annotations

from app.captorator.draft import Draft
from app.captorator.request import ComposeCaption
from app.captorator.result import Check
from app.captorator.vocabulary import Vocabulary
from app.plain_text import contains_words


def check_caption(draft: Draft, request: ComposeCaption, vocabulary: Vocabulary) -> list[Check]:
    """Return every check with what it found."""
    caption = draft.text
    platform = vocabulary.platforms[request.platform]
    length = platform.length_of(caption)
    calls = [
        call
        for tone in vocabulary.tones.values()
        for call in tone.calls_to_action
        if contains_words(caption, call)
    ]
    told = [detail for detail in request.details if detail in caption]
    tags = draft.hashtags
    refused = [words for words in vocabulary.prohibited if contains_words(caption, words)]
    is_credited = request.creator is None or request.creator in caption
    return [
        _check("length", length <= platform.max_length, f"{length} of {platform.max_length}"),
        _check("one_call_to_action", len(calls) == 1, f"{len(calls)} found"),
        _check(
            "hashtags",
            len(tags) <= platform.max_hashtags
            and len({tag.casefold() for tag in tags}) == len(tags),
            f"{len(tags)} of {platform.max_hashtags} at most, none twice",
        ),
        _check(
            "all_details_told",
            len(told) == len(request.details),
            f"{len(told)} of {len(request.details)}",
        ),
        _check("place_named", request.city in caption, request.city),
        _check("creator_credited", is_credited, request.creator or "no creator given"),
        _check("no_prohibited_words", not refused, ", ".join(refused) or "none found"),
    ]


def _check(name: str, passed: bool, detail: str) -> Check:
    return Check(name=name, passed=passed, detail=detail)
