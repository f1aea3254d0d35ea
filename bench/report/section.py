"""One scenario of a record, asked for the measures that a table shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.contenders import OURS, RAW
from bench.figures import Spread, spread

Notes = Mapping[str, Mapping[str, str]]
_NO_REASON = "no reason is written down yet"


@dataclass(frozen=True)
class Section:
    """The runs of one scenario, with the systems of the record and the notes of the page."""

    name: str
    runs: Sequence[Mapping[str, Any]]
    sizes: Mapping[str, Any]
    systems: Mapping[str, Mapping[str, Any]]
    notes: Notes

    def contenders(self, **parameters: Any) -> dict[str, str]:
        """Return name and label of each contender, in the order in which they were measured."""
        return {run["contender"]: run["label"] for run in self._matching(None, parameters)}

    def values(self, contender: str, measure: str, **parameters: Any) -> list[float]:
        """Return a measure in every repeat that did not fail; `a.b` reaches into a measure."""
        runs = self._matching(contender, parameters)
        return [_reach(run, measure) for run in runs if _has(run, measure)]

    def spread(self, contender: str, measure: str, **parameters: Any) -> Spread | None:
        """Return a measure over its repeats, None where there is none."""
        values = self.values(contender, measure, **parameters)
        return spread(values) if values else None

    def median(self, contender: str, measure: str, **parameters: Any) -> float | None:
        found = self.spread(contender, measure, **parameters)
        return None if found is None else found.median

    def failure(self, contender: str, **parameters: Any) -> str:
        """Return why a contender has no figure, empty where it has."""
        runs = self._matching(contender, parameters)
        return next((str(run["failed"]) for run in runs if "failed" in run), "")

    def first(self, contender: str, **parameters: Any) -> Mapping[str, Any] | None:
        """Return the first run that did not fail."""
        runs = self._matching(contender, parameters)
        return next((run for run in runs if "failed" not in run), None)

    def parameters(self, name: str) -> list[Any]:
        """Return the values of a parameter, in the order in which they were measured."""
        return list(dict.fromkeys(run[name] for run in self.runs if name in run))

    def ordered(
        self, measure: str, *, largest_first: bool = True, **parameters: Any
    ) -> list[tuple[str, str]]:
        """Return contenders with their labels: ours, the raw limit, then peers, the best first."""

        def key(item: tuple[str, str]) -> tuple[int, float]:
            name = item[0]
            median = self.median(name, measure, **parameters)
            worst = float("inf")
            rank = worst if median is None else (-median if largest_first else median)
            return (0, 0) if is_ours(name) else (1, 0) if is_raw(name) else (2, rank)

        return sorted(self.contenders(**parameters).items(), key=key)

    def best(
        self,
        measure: str,
        who: Callable[[str], bool],
        *,
        largest: bool = True,
        **parameters: Any,
    ) -> float | None:
        """Return the best median of those contenders."""
        names = [name for name in self.contenders(**parameters) if who(name)]
        medians = [self.median(name, measure, **parameters) for name in names]
        found = [median for median in medians if median is not None]
        return (max if largest else min)(found, default=None)

    def why(self, contender: str, *, is_ahead: bool) -> str:
        """Return the reason why a peer is ahead of us; empty where it is not."""
        if not is_ahead or not is_peer(contender):
            return ""
        return self.notes.get(self.name, {}).get(contender, _NO_REASON)

    def _matching(
        self, contender: str | None, parameters: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        return [
            run
            for run in self.runs
            if contender in (None, run["contender"])
            and all(run.get(name) == value for name, value in parameters.items())
        ]


def is_ours(contender: str) -> bool:
    return contender.split("-")[0] == OURS


def is_raw(contender: str) -> bool:
    return contender.split("-")[0] == RAW


def is_peer(contender: str) -> bool:
    return not is_ours(contender) and not is_raw(contender)


def failures(section: Section) -> str:
    """Return a line for everything that could not be measured."""
    found: dict[str, str] = {}
    for run in section.runs:
        if "failed" in run:
            found.setdefault(run["label"], str(run["failed"]))
    skipped = {
        system["label"]: f"left out: {system['skipped']}"
        for system in section.systems.values()
        if system["skipped"]
    }
    return lines(f"* {label}: {why}" for label, why in {**found, **skipped}.items())


def lines(found: Iterable[str]) -> str:
    return "\n".join(found)


def _has(run: Mapping[str, Any], measure: str) -> bool:
    first = measure.split(".")[0]
    return "failed" not in run and first in run


def _reach(run: Mapping[str, Any], measure: str) -> float:
    found: Any = run
    for part in measure.split("."):
        found = found[part]
    return float(found)
