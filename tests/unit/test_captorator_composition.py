"""Captions: the same from the same, honest, and short enough."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.captorator.composition import CaptionRefused, compose_caption
from app.captorator.draft import hashtags_of
from app.captorator.job_type import JOB_TYPE
from app.captorator.request import ComposeCaption
from app.captorator.result import CaptionResult
from app.captorator.vocabulary import load_vocabulary
from app.plain_text import contains_words

VOCABULARY = load_vocabulary()
DETAILS = ["Opens at six, with the fish market", "The cinnamon buns are gone by nine"]


def request(**changes: Any) -> ComposeCaption:
    return ComposeCaption.model_validate({**JOB_TYPE.example, "details": DETAILS, **changes})


def compose(**changes: Any) -> CaptionResult:
    return compose_caption(request(**changes), VOCABULARY)


def test_a_caption_has_its_parts_in_order() -> None:
    result = compose()
    hook, details, ending, hashtags = result.caption.split("\n\n")
    place, follow, call_to_action, credit = ending.split("\n")
    assert hook in {
        template.format(city="Port Brannoc", label="coffee")
        for template in VOCABULARY.tones["warm"].hooks
    }
    assert details == "\n".join(f"{detail}." for detail in DETAILS)
    assert "Port Brannoc" in place
    assert "@cityguide" in follow
    assert call_to_action in VOCABULARY.tones["warm"].calls_to_action
    assert credit.endswith("@lenawalks")
    assert hashtags.split(" ") == result.hashtags == [
        "#PortBrannoc", "#Coffee", "#CafeCulture", "#CityGuide", "#LocalFinds",
    ]  # fmt: skip


def test_the_same_request_gives_the_same_caption_in_another_process() -> None:
    code = (
        "from app.captorator.composition import compose_caption\n"
        "from app.captorator.request import ComposeCaption\n"
        "from app.captorator.vocabulary import load_vocabulary\n"
        f"request = ComposeCaption.model_validate_json({request().model_dump_json()!r})\n"
        "print(compose_caption(request, load_vocabulary()).model_dump_json())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert outputs == {compose().model_dump_json()}


def test_another_seed_gives_another_wording_of_the_same_facts() -> None:
    captions = {compose(seed=seed).caption for seed in range(20)}
    assert len(captions) > 10
    assert all(detail in caption for caption in captions for detail in DETAILS)


def test_a_request_without_creator_credits_nobody() -> None:
    result = compose(creator=None)
    openings = [template.split("{")[0] for template in VOCABULARY.lines.credit]
    assert not any(line.startswith(tuple(openings)) for line in result.caption.splitlines())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_caption_passes_its_checks_or_says_what_had_no_room(data: st.DataObject) -> None:
    words = st.text("abc ÄÖ日本語🎉,.!?'\"#@{}%", min_size=1, max_size=40)
    readable = words.filter(lambda text: any(character.isalnum() for character in text))
    result = compose_caption(
        request(
            profile=data.draw(st.sampled_from(sorted(VOCABULARY.profiles))),
            category=data.draw(st.sampled_from(sorted(VOCABULARY.categories))),
            tone=data.draw(st.sampled_from(sorted(VOCABULARY.tones))),
            platform=data.draw(st.sampled_from(["instagram", "threads", "facebook"])),
            city=data.draw(readable),
            details=data.draw(st.lists(readable, min_size=1, max_size=6)),
            creator=data.draw(st.none() | readable),
            seed=data.draw(st.integers(0, 2**53)),
        ),
        VOCABULARY,
    )
    failed = {check.name for check in result.checks if not check.passed}
    assert failed <= ({"all_details_told"} if result.left_out else set())
    assert result.length <= result.max_length


@pytest.mark.parametrize("platform", sorted(VOCABULARY.platforms))
def test_a_caption_keeps_the_rules_of_its_platform(platform: str) -> None:
    rules = VOCABULARY.platforms[platform]
    for detail_length, count in itertools.product((20, 100), (1, 6)):
        details = [f"{number} {'word ' * 40}"[:detail_length] for number in range(count)]
        result = compose(platform=platform, details=details)
        assert rules.length_of(result.caption) == result.length <= rules.max_length
        assert len(result.hashtags) <= rules.max_hashtags


def test_what_has_no_room_is_left_out_whole_and_last_things_first() -> None:
    details = [f"{name} {'word ' * 16}".strip() for name in ("First", "Second", "Third")]
    result = compose(platform="x", details=details)
    assert result.left_out[:2] == ["#Coffee", "#PortBrannoc"]
    assert result.left_out[3:] == [details[2], details[1]]
    assert "@cityguide" in result.left_out[2]
    assert f"{details[0]}." in result.caption
    assert "Second" not in result.caption
    (check,) = [check for check in result.checks if check.name == "all_details_told"]
    assert (check.passed, check.detail) == (False, "1 of 3")


def test_what_cannot_fit_at_all_is_refused_with_the_reason() -> None:
    with pytest.raises(CaptionRefused, match=r"details: \d+ characters too long for x"):
        compose(platform="x", details=["語" * 140])


def test_x_counts_wide_characters_twice() -> None:
    assert VOCABULARY.platforms["x"].length_of("aé\u201c日🎉") == 7
    assert VOCABULARY.platforms["threads"].length_of("aé\u201c日🎉") == 5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"details": ["A miracle of a bun"]}, "details: \u201cmiracle\u201d makes a medical claim"),
        ({"details": ["Results GUARANTEED!"]}, "guaranteed"),
        ({"details": ["Results guar\u200banteed"]}, "guaranteed"),
        ({"details": ["\uff47uaranteed fun"]}, "guaranteed"),
        ({"details": ["Risk-free, really"]}, "risk free"),
        ({"city": "Miracle"}, "city:"),
        ({"creator": "WhatsApp me"}, "creator:"),
    ],
)
def test_prohibited_words_are_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(CaptionRefused, match=re.escape(reason)):
        compose(**changes)


def test_words_that_only_contain_a_prohibited_one_are_fine() -> None:
    assert compose(details=["Procure a secure manicure"]).checks[-1].passed


def test_every_reason_for_a_refusal_is_told_at_once() -> None:
    with pytest.raises(CaptionRefused) as refused:
        compose(details=["A miracle cure"], creator="Giveaway")
    assert len(refused.value.reasons) == 3


def test_the_vocabulary_itself_uses_no_prohibited_word() -> None:
    lines = VOCABULARY.lines
    templates = [*lines.place, *lines.follow, *lines.credit]
    for tone in VOCABULARY.tones.values():
        templates += [*tone.hooks, *tone.calls_to_action]
    for template in templates:
        assert not [words for words in VOCABULARY.prohibited if contains_words(template, words)]


def test_braces_in_a_detail_or_a_city_are_only_text() -> None:
    result = compose(city="{creator.__class__} town", details=["{handle} {0} %s"])
    assert "{creator.__class__} town" in result.caption
    assert "{handle} {0} %s" in result.caption


def test_hashtags_are_letters_told_once_and_capped() -> None:
    words = ["Port Brannoc", "port-brannoc", "Café & Co", "2026", "!!", "Coffee", "Market"]
    assert hashtags_of(words, 3) == ("#PortBrannoc", "#CaféCo", "#Coffee")
    assert hashtags_of(words, 0) == ()


def test_a_detail_given_twice_is_told_once() -> None:
    assert compose(details=[DETAILS[0], DETAILS[0]]).caption.count(DETAILS[0]) == 1


def test_a_second_call_to_action_is_noticed() -> None:
    (check,) = [
        check
        for check in compose(details=["Save this post", "Buns"]).checks
        if check.name == "one_call_to_action"
    ]
    assert (check.passed, check.detail) == (False, "2 found")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "nobody"}, "must be one of city_guide, day_trips, table_for_two"),
        ({"tone": "angry"}, "must be one of plain, playful, warm"),
        ({"platform": "myspace"}, "must be one of"),
        ({"category": "war"}, "must be one of"),
        ({"details": []}, "at least 1"),
        ({"details": ["ok"] * 7}, "at most 6"),
        ({"details": [" \u200b "]}, "nothing to read"),
        ({"city": "!!!"}, "nothing to read"),
        ({"seed": -1}, "seed"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_a_wrong_request_is_told_what_would_be_right(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        request(**changes)


def test_the_schema_lists_the_choices() -> None:
    properties = ComposeCaption.model_json_schema()["properties"]
    assert properties["tone"]["enum"] == ["plain", "playful", "warm"]
    assert properties["platform"]["enum"] == sorted(VOCABULARY.platforms)
