"""Bar charts as SVG, written by hand: a chart is a dozen rectangles, not a dependency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
_LEFT, _RIGHT, _TOP, _BOTTOM = 260, 90, 56, 18
_BAR, _GAP, _GROUP_GAP = 15, 3, 12
_COLORS = ("#2563eb", "#93b4f5", "#64748b")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}"
    ".title{font-weight:600;font-size:15px}.value{font-variant-numeric:tabular-nums}"
)


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one contender; None where there is no figure."""

    label: str
    values: Sequence[float | None]


def bar_chart(title: str, series: Sequence[str], groups: Sequence[Group], *, unit: str) -> str:
    """Return an SVG of horizontal bars, one group for each contender, longest value full width."""
    values = [value for group in groups for value in group.values if value is not None]
    scale = (WIDTH - _LEFT - _RIGHT) / max(values, default=1)
    group_height = len(series) * (_BAR + _GAP) + _GROUP_GAP
    height = _TOP + len(groups) * group_height + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff" rx="6"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
        *_legend(series),
    ]
    for index, group in enumerate(groups):
        parts += _bars(group, _TOP + index * group_height, scale, unit)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(series: Sequence[str]) -> list[str]:
    parts, x = [], 16
    for index, name in enumerate(series):
        parts.append(f'<rect x="{x}" y="36" width="10" height="10" fill="{_COLORS[index]}"/>')
        parts.append(f'<text x="{x + 15}" y="46">{escape(name)}</text>')
        x += 30 + 8 * len(name)
    return parts


def _bars(group: Group, top: float, scale: float, unit: str) -> list[str]:
    middle = top + len(group.values) * (_BAR + _GAP) / 2 + 4
    parts = [
        f'<text x="{_LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(group.label)}</text>'
    ]
    for index, value in enumerate(group.values):
        y = top + index * (_BAR + _GAP)
        width = 0 if value is None else max(1.0, value * scale)
        words = "–" if value is None else f"{_short(value)} {unit}"
        parts.append(
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}"'
            f' fill="{_COLORS[index]}"/>'
        )
        parts.append(
            f'<text class="value" x="{_LEFT + width + 6:.1f}" y="{y + 12}">{escape(words)}</text>'
        )
    return parts


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
