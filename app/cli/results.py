"""Results as things to read: ranked headlines, a caption, numbers that moved.

A result that is not understood, of another version or of another's handler, is shown as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.cli.output import Part, emit, json_text, one_line

Line = list[Part]
_MOST_HEADLINES = 10


def emit_result(job_type: str, result: Any) -> None:
    """Print the result of a job."""
    try:
        lines = list(_READERS[job_type](result))
    except (KeyError, TypeError, AttributeError):
        emit(json_text(result, indent=2))
        return
    for line in lines:
        emit(*line)


def _headlines(result: dict[str, Any]) -> Iterator[Line]:
    for headline in result["headlines"][:_MOST_HEADLINES]:
        yield [
            f"  {headline['rank']:>2}  ",
            (one_line(headline["title"], 90), "bold"),
            ("  new", "green") if headline["is_new"] else "",
        ]
        why = ", ".join(f"{s['why']} +{s['points']:g}" for s in headline["signals"])
        yield [f"      {headline['score']:g} points  ", (one_line(why, 120), "dim")]
        yield ["      ", (", ".join(headline["sources"]), "cyan")]
    counts = ("new", "known", "duplicates", "left_out")
    told = ", ".join(f"{result[name]} {name.replace('_', ' ')}" for name in counts)
    yield [f"  {result['fetched']} items from {len(result['sources'])} sources: {told}"]
    for source in result["sources"]:
        if source["status"] == "failed":
            yield [("  ! ", "yellow"), f"{source['name']}: {one_line(source['error'])}"]


def _caption(result: dict[str, Any]) -> Iterator[Line]:
    for line in result["caption"].splitlines():
        yield [("  │ ", "dim"), line]
    passed = sum(check["passed"] for check in result["checks"])
    yield [
        f"  {result['length']} of {result['max_length']} characters on {result['platform']}, "
        f"{len(result['hashtags'])} hashtags, {passed} of {len(result['checks'])} checks passed"
    ]
    for check in result["checks"]:
        if not check["passed"]:
            yield [("  ! ", "yellow"), f"{check['name']}: {check['detail']}"]


def _metrics(result: dict[str, Any]) -> Iterator[Line]:
    names = ("followers", "posts", "engagement")
    width = max((len(page["page"]) + len(page["platform"]) for page in result["pages"]), default=0)
    for page in result["pages"]:
        change = page["change"]
        title = f"{page['page']} {page['platform']}"
        line: Line = [f"  {title:<{width + 2}}"]
        for name in names:
            line.append(f"  {page[name]:>9,} {name} ")
            moved = change[name] if change else 0
            line.append((f"{moved:+,}".ljust(7) if moved else " " * 7, _moved_style(moved)))
        yield [*line, (f"since {change['since']}" if change else "first day", "dim")]
    yield [
        f"  {result['read']} snapshots read: {result['new']} new, {result['changed']} changed, "
        f"{result['unchanged']} unchanged, {result['rejected']} rejected"
    ]
    for row in result["rejected_rows"]:
        yield [("  ! ", "yellow"), one_line(row)]


def _moved_style(moved: int) -> str:
    return "green" if moved > 0 else "red"


_READERS: dict[str, Callable[[dict[str, Any]], Iterator[Line]]] = {
    "nearsight_collect_refresh": _headlines,
    "captorator_compose": _caption,
    "metrics_refresh": _metrics,
}
