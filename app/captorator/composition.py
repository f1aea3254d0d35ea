"""Composes a caption: the same request and vocabulary give the same caption, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from app.captorator.checks import check_caption
from app.captorator.draft import Draft, hashtags_of
from app.captorator.request import ComposeCaption
from app.captorator.result import CaptionResult
from app.captorator.vocabulary import Platform, Vocabulary
from app.plain_text import contains_words


class CaptionRefused(Exception):
    """No caption may or can be made of this request; `reasons` say why."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


def compose_caption(request: ComposeCaption, vocabulary: Vocabulary) -> CaptionResult:
    """Return the caption with its checks; raises `CaptionRefused`."""
    if reasons := _prohibited(request, vocabulary):
        raise CaptionRefused(reasons)
    platform = vocabulary.platforms[request.platform]
    draft, left_out = _fit(_draft(request, vocabulary, platform), request.platform, platform)
    return CaptionResult(
        caption=draft.text,
        hashtags=list(draft.hashtags),
        platform=request.platform,
        length=platform.length_of(draft.text),
        max_length=platform.max_length,
        left_out=left_out,
        checks=check_caption(draft, request, vocabulary),
        vocabulary_version=vocabulary.version,
    )


def _prohibited(request: ComposeCaption, vocabulary: Vocabulary) -> list[str]:
    given = {"city": [request.city], "details": request.details}
    if request.creator is not None:
        given["creator"] = [request.creator]
    return [
        f"{field}: \u201c{words}\u201d {reason}"
        for field, values in given.items()
        for words, reason in vocabulary.prohibited.items()
        if any(contains_words(value, words) for value in values)
    ]


def _draft(request: ComposeCaption, vocabulary: Vocabulary, platform: Platform) -> Draft:
    profile = vocabulary.profiles[request.profile]
    category = vocabulary.categories[request.category]
    tone, lines = vocabulary.tones[request.tone], vocabulary.lines

    def line(slot: str, templates: Sequence[str]) -> str:
        text = _choose(templates, request, slot).format(
            city=request.city,
            label=category.label,
            handle=profile.handle,
            creator=request.creator,
        )
        return text[0].upper() + text[1:]

    return Draft(
        hook=line("hook", tone.hooks),
        details=tuple(dict.fromkeys(request.details)),
        place=line("place", lines.place),
        follow=line("follow", lines.follow),
        call_to_action=line("call_to_action", tone.calls_to_action),
        credit=line("credit", lines.credit) if request.creator else None,
        hashtags=hashtags_of([request.city, *category.tags, *profile.tags], platform.max_hashtags),
    )


def _choose(templates: Sequence[str], request: ComposeCaption, slot: str) -> str:
    """Choose by a hash: `random` may change between Pythons, and a global state between runs."""
    key = f"{slot}\0{request.model_dump_json()}"
    digest = hashlib.sha256(key.encode()).digest()
    return templates[int.from_bytes(digest[:8]) % len(templates)]


def _fit(draft: Draft, name: str, platform: Platform) -> tuple[Draft, list[str]]:
    """Leave parts out until the caption fits; nothing is ever cut in the middle."""
    left_out: list[str] = []
    while (length := platform.length_of(draft.text)) > platform.max_length:
        shortened = draft.shortened()
        if shortened is None:
            over = length - platform.max_length
            raise CaptionRefused([f"details: {over} characters too long for {name}"])
        draft, part = shortened
        left_out.append(part)
    return draft, left_out
