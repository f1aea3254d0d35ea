"""Tables and numbers as the page writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.figures import Spread

NOTHING = "–"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Return a Markdown table; all columns but the first `words` hold numbers."""
    marks = ["---" if index < words else "---:" for index in range(len(headings))]
    lines = [headings, marks, *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def number(value: float | None) -> str:
    """Return three significant digits, or the whole number where it is greater."""
    if value is None:
        return NOTHING
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def ranged(found: Spread | None) -> str:
    """Return the median, with the least and the greatest where there were several."""
    if found is None:
        return NOTHING
    if found.count == 1:
        return number(found.median)
    return f"{number(found.low)} / **{number(found.median)}** / {number(found.high)}"


def percent(part: float | None, whole: float | None) -> str:
    """Return one number as a part of another."""
    if part is None or not whole:
        return NOTHING
    return f"{100 * part / whole:.1f} %"


def times(one: float | None, other: float | None) -> str:
    """Return how many times greater one number is than the other."""
    if one is None or not other:
        return NOTHING
    return f"×{number(one / other)}"


def paragraphs(*parts: str) -> str:
    """Join what there is with blank lines."""
    return "\n\n".join(part for part in parts if part)
