"""Scores: how much a story deserves a look now, from 0 to 100, each point with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.nearsight.policy import Policy
from app.nearsight.result import Signal
from app.nearsight.story import Story


@dataclass(frozen=True, slots=True)
class Score:
    points: float
    signals: tuple[Signal, ...]


def score(story: Story, policy: Policy, *, now: datetime) -> Score:
    """Judge `story` by the policy; the points are the sum of what the signals give."""
    signals = (_recency(story, policy, now), _virality(story, policy), _relevance(story, policy))
    return Score(round(sum(signal.points for signal in signals), 1), signals)


def _recency(story: Story, policy: Policy, now: datetime) -> Signal:
    if story.published_at is None:
        return Signal(name="recency", points=0, why="no time of publication")
    hours = max(0.0, (now - story.published_at).total_seconds() / 3600)
    points = policy.weights.recency * 0.5 ** (hours / policy.recency.half_life_hours)
    return Signal(name="recency", points=round(points, 1), why=f"published {_age(hours)} ago")


def _virality(story: Story, policy: Policy) -> Signal:
    told_by = len(story.sources)
    share = min(1.0, (told_by - 1) / (policy.virality.full_at_sources - 1))
    why = "told by one source" if told_by == 1 else f"told by {told_by} sources"
    return Signal(name="virality", points=round(policy.weights.virality * share, 1), why=why)


def _relevance(story: Story, policy: Policy) -> Signal:
    weight, reasons = 0.0, []
    for name, topic in policy.topics.items():
        if words := topic.found_in(story.title):
            weight += topic.weight
            reasons.append(f"{name.replace('_', ' ')} ({', '.join(words)})")
    points = policy.weights.relevance * min(1.0, weight / policy.relevance.full_at)
    return Signal(
        name="relevance",
        points=round(points, 1),
        why="; ".join(reasons) or "no topic of the policy",
    )


def _age(hours: float) -> str:
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} days"
