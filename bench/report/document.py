"""docs/benchmarks.md: a hand-written method, and between markers the parts made from a record."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from bench.remote import ROOT
from bench.report import bars, endurance, price, speed, web
from bench.report.markdown import paragraphs
from bench.report.plot import Group, bar_chart
from bench.report.section import Notes, Section
from bench.report.setup import setup
from bench.results import Results

PAGE = ROOT / "docs" / "benchmarks.md"
NOTES = Path(__file__).parent.parent / "notes.toml"
DRAIN_PLOT = "benchmarks-drain.svg"
_RATE = "jobs_per_second"

_TABLES: dict[str, Callable[[Section], str]] = {
    "drain": speed.drain,
    "enqueue": speed.enqueue,
    "latency": speed.latency,
    "idle": endurance.idle,
    "backlog": endurance.backlog,
    "snapshot": endurance.snapshot,
    "indexes": price.indexes,
    "fairness": price.fairness,
    "http": web.http,
    "cold_start": web.cold_start,
    "corpus": web.corpus,
    "reads": web.reads,
    "retention": endurance.retention,
}


def parts(record: Results, notes: Notes) -> dict[str, str]:
    """Return every part of the page that the record can fill, by the name of its markers."""
    sections = {
        name: Section(name, taken["runs"], taken["sizes"], record["systems"], notes)
        for name, taken in record["scenarios"].items()
        if taken["runs"]
    }
    found = {"setup": setup(record)}
    if decided := bars.bars(sections):
        found["bars"] = bars.render(decided)
    for name, section in sections.items():
        if name == "cost":
            found[name] = price.cost(section, sections.get("drain"))
        else:
            found[name] = _TABLES[name](section)
    if "drain" in found:
        found["drain"] = paragraphs(f"![Drain, jobs a second]({DRAIN_PLOT})", found["drain"])
    return found


def render(record: Results) -> str:
    """Return all parts one below the other, for a terminal."""
    found = parts(record, read_notes())
    return paragraphs(*(f"## {name}\n\n{text}" for name, text in found.items()))


def write_document(record: Results) -> list[Path]:
    """Put the parts between their markers and write the plot; return what was written.

    Raises ValueError where the page lacks the markers of a part.
    """
    page = PAGE.read_text(encoding="utf-8")
    for name, text in parts(record, read_notes()).items():
        page = filled(page, name, text)
    PAGE.write_text(page, encoding="utf-8")
    written = [PAGE]
    if "drain" in record["scenarios"]:
        plot = PAGE.parent / DRAIN_PLOT
        plot.write_text(drain_plot(record), encoding="utf-8")
        written.append(plot)
    return written


def filled(page: str, name: str, text: str) -> str:
    """Return the page with what lies between the markers of a part replaced."""
    begin, end = f"<!-- bench: {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{PAGE} has no markers {begin} ... {end}")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page, count=1)


def drain_plot(record: Results) -> str:
    """Return the drain as bars: one and two workers, everybody."""
    taken = record["scenarios"]["drain"]
    section = Section("drain", taken["runs"], taken["sizes"], record["systems"], {})
    groups = [
        Group(label, [section.median(name, _RATE, workers=workers) for workers in (1, 2)])
        for name, label in section.ordered(_RATE, workers=1)
    ]
    title = "Drain of a full queue, jobs a second"
    return bar_chart(title, ["1 worker process", "2 worker processes"], groups, unit="/s")


def read_notes() -> Notes:
    """Return the hand-written reasons."""
    return tomllib.loads(NOTES.read_text(encoding="utf-8"))
