"""How `ops` prints: data on stdout, talk on stderr, colour only where a terminal wants it.

Text that comes from a database or a network is stripped of control characters before it reaches
a terminal, which would otherwise obey them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Part = str | tuple[str, str]
"""A piece of a line: a text, or a text with its style."""

STATUS_STYLES = {
    "queued": "cyan",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "rejected": "red",
    "cancelled": "yellow",
}
STATUS_MARKS = {"succeeded": "✓", "failed": "✗", "rejected": "✗", "cancelled": "✗"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PIPE_WIDTH = 10_000
_GAP = 2
_NARROWEST = 6


def clean(text: object) -> str:
    """Return text that a terminal prints and does not obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text))


def one_line(text: object, limit: int = 200) -> str:
    """Return the text on one line, shortened."""
    flat = clean(" ".join(str(text).split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def emit(*parts: Part) -> None:
    """Print a line of data: stdout."""
    _print(parts, to_stderr=False)


def say(*parts: Part) -> None:
    """Print a line for the person: stderr."""
    _print(parts, to_stderr=True)


def emit_json(value: Any) -> None:
    """Print a value as JSON: indented for a person, one line for a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    click.echo(json_text(value, indent=indent))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON in readable letters, with what a terminal would obey escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def status(word: str) -> Part:
    """Return the word of a state in its style."""
    return (word, STATUS_STYLES.get(word, ""))


def emit_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Part]],
    *,
    whole: Sequence[int] = (0,),
    indent: str = "",
) -> None:
    """Print an aligned table; on a narrow terminal all columns but the `whole` ones give way."""
    from rich.table import Table

    texts = [[_text((cell,), flat=True) for cell in row] for row in rows]
    console = _console(to_stderr=False)
    widths = [
        max([len(heading), *(row[index].cell_len for row in texts)])
        for index, heading in enumerate(headings)
    ]
    _shrink(widths, console.width - len(indent) - _GAP * (len(widths) - 1), keep=whole)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", width=width)
    for row in texts:
        table.add_row(*row)
    console.width = max(console.width, sum(widths) + _GAP * len(widths))
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(indent + line.rstrip() for line in capture.get().splitlines()))


def _shrink(widths: list[int], room: int, *, keep: Sequence[int]) -> None:
    """Take from the widest columns until all fit, or until there is nothing left to take."""
    yielding = [index for index in range(len(widths)) if index not in keep]
    while yielding and sum(widths) > room:
        index = max(yielding, key=widths.__getitem__)
        if widths[index] <= _NARROWEST:
            return
        widths[index] -= 1


def _print(parts: Sequence[Part], *, to_stderr: bool) -> None:
    if all(isinstance(part, str) for part in parts):
        click.echo(clean("".join(part for part in parts if isinstance(part, str))), err=to_stderr)
    else:
        _console(to_stderr=to_stderr).print(_text(parts), soft_wrap=True)


def _text(parts: Sequence[Part], *, flat: bool = False) -> Text:
    from rich.text import Text

    tidy = one_line if flat else clean
    return Text.assemble(
        *(tidy(part) if isinstance(part, str) else (tidy(part[0]), part[1]) for part in parts)
    )


def _console(*, to_stderr: bool) -> Console:
    """Return rich's console, which itself heeds NO_COLOR, TERM and whether there is a terminal."""
    from rich.console import Console

    from app.cli.invocation import current

    plain = True if current().no_color else None
    console = Console(stderr=to_stderr, no_color=plain, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console
