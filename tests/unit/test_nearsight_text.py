"""Foreign titles and links: cleaned, bounded, and comparable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.nearsight.link import canonical_link, link_hash
from app.nearsight.policy import load_policy
from app.nearsight.title import MAX_TITLE_LENGTH, clean_title, title_key
from app.plain_text import contains_words, plain_text

TRACKING = load_policy().links.tracking_parameters
TITLES = load_policy().titles

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=200)


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("Tram <b>back</b> on <i>line&nbsp;4</i>", "Tram back on line 4"),
        ("Fennel &amp; Daughters", "Fennel & Daughters"),
        ("One<br>Two<p>Three", "One Two Three"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("<script>alert(1)</script>Mayor<style>a{}</style> speaks", "Mayor speaks"),
        ("Mayor <img src=x onerror=alert(1)>speaks", "Mayor speaks"),
        ("  many \n\t spaces\r\n here ", "many spaces here"),
        ("NUL\x00 bell\x07 lone\ud800 surrogate", "NUL bell lone surrogate"),
        ("right\u202eleft\u2066 isolate\ufeff", "rightleft isolate"),
        ("cafe\u0301", "caf\u00e9"),
        ("<div></div> \x00", ""),
        ("<script>never closed", ""),
    ],
)
def test_a_title_is_its_readable_text(markup: str, title: str) -> None:
    assert clean_title(markup) == title


def test_a_long_title_is_cut_at_a_word() -> None:
    title = clean_title("word " * 10_000)
    assert len(title) <= MAX_TITLE_LENGTH
    assert title.endswith("word\u2026")


@given(ANY_TEXT)
def test_any_title_becomes_one_short_storable_line(markup: str) -> None:
    title = clean_title(markup)
    title.encode("utf-8")
    assert len(title) <= MAX_TITLE_LENGTH
    assert title == " ".join(title.split())
    assert "\x00" not in title


@pytest.mark.parametrize(
    "same",
    [
        "BREAKING: Harbour tunnel closed after overnight flood",
        "Harbour Tunnel closed \u2013 after overnight flood!",
        "Harbour tunnel closed after overnight flood | Radio Kestrel",
        "Harbour tunnel closed after overnight flood - radio kestrel",
        "Ｈａｒｂｏｕｒ tunnel closed after over\u00adnight flood",
    ],
)
def test_titles_that_say_the_same_have_one_key(same: str) -> None:
    key = title_key("Harbour tunnel closed after overnight flood", "Radio Kestrel", TITLES)
    assert key == "harbour tunnel closed after overnight flood"
    assert title_key(same, "Radio Kestrel", TITLES) == key


@pytest.mark.parametrize("title", ["Weather today", "Live: Derby final", "", "!!! ??? --- ..."])
def test_a_title_of_few_words_stands_for_no_story(title: str) -> None:
    assert title_key(title, "Radio Kestrel", TITLES) is None


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (
            "HTTPS://WWW.Example.org:443/News?utm_source=a&id=7&fbclid=x#top",
            "https://www.example.org/News?id=7",
        ),
        ("http://example.org?UTM_Medium=feed", "http://example.org/"),
        ("http://example.org/a?b", "http://example.org/a?b"),
        ("http://example.org/a?q=a%20b&utm%5Fsource=x", "http://example.org/a?q=a%20b"),
        ("http://b\u00fccher.example/\u00e4", "http://xn--bcher-kva.example/%C3%A4"),
        (" http://example.org/a ", "http://example.org/a"),
    ],
)
def test_a_link_loses_what_does_not_name_the_page(url: str, link: str) -> None:
    assert canonical_link(url, TRACKING) == link


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
        "mailto:desk@example.org", "/relative", "", "http://user:pass@example.org/",
        "http://example.org/\x00", "http://example.org/" + "\u00e4" * 1_000,
    ],
)  # fmt: skip
def test_what_is_no_link_to_a_page_is_dropped(url: str) -> None:
    assert canonical_link(url, TRACKING) is None


@pytest.mark.parametrize(
    "same",
    [
        "http://example.org/news/1?a=1&b=2",
        "https://www.example.org/news/1?b=2&a=1",
        "https://example.org/news/1/?a=1&b=2",
    ],
)
def test_spellings_of_one_page_have_one_hash(same: str) -> None:
    assert link_hash(same) == link_hash("https://example.org/news/1?a=1&b=2")


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/news/2?a=1&b=2",
        "https://example.org/News/1?a=1&b=2",
        "https://example.org:8443/news/1?a=1&b=2",
        "https://example.org/news/1?a=1",
        "https://m.example.org/news/1?a=1&b=2",
    ],
)
def test_other_pages_have_other_hashes(other: str) -> None:
    assert link_hash(other) != link_hash("https://example.org/news/1?a=1&b=2")


@given(ANY_TEXT)
def test_any_link_is_dropped_or_becomes_a_plain_one(url: str) -> None:
    for candidate in (url, f"http://example.org/{url}", f"https://{url}"):
        link = canonical_link(candidate, TRACKING)
        if link is not None:
            assert link.isascii()
            assert link.startswith(("http://", "https://"))
            assert not set(link) & set(' "<>\n\r\t\x00')
            assert canonical_link(link, TRACKING) == link


def test_words_are_found_whole_and_however_they_are_spelled() -> None:
    assert contains_words("A BOIL-WATER notice", "boil water")
    assert contains_words("gua\u200branteed", "guaranteed")
    assert not contains_words("The taxidermist", "tax")
    assert not contains_words("anything", "")


@given(ANY_TEXT, st.integers(min_value=1, max_value=50))
def test_plain_text_keeps_its_length(text: str, max_length: int) -> None:
    assert len(plain_text(text, max_length=max_length)) <= max_length
