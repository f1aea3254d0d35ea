"""One collection: all sources read side by side, their items joined, the best stories kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime

from app.fetch.document import FetchLimits, fetch
from app.fetch.errors import FetchError
from app.nearsight.feeds.entry import NotAFeed
from app.nearsight.feeds.feed import ACCEPT, read_feed
from app.nearsight.joining import Item, join_items, read_items
from app.nearsight.payload import CollectPayload, Source
from app.nearsight.policy import Policy
from app.nearsight.score import score
from app.nearsight.story import Collected, SourceOutcome, Story

CONCURRENT_FETCHES = 8
MAX_STORIES_BYTES = 800_000
"""What a slot may hand to its runner is bounded, so the stories of one run are, too."""


class AllSourcesFailed(Exception):
    """Not one source could be read: more likely our network than all of theirs."""

    def __init__(self, outcomes: Sequence[SourceOutcome]) -> None:
        reasons = "; ".join(f"{outcome.name}: {outcome.error}" for outcome in outcomes)
        super().__init__(f"all {len(outcomes)} sources failed ({reasons})")


@dataclass(frozen=True, slots=True)
class _Reading:
    outcome: SourceOutcome
    items: Sequence[Item] = ()


def collect_stories(
    payload: CollectPayload,
    limits: FetchLimits,
    policy: Policy,
    *,
    budget_seconds: float,
    on_outcome: Callable[[SourceOutcome], None],
) -> Collected:
    """Read every source; a broken or slow one becomes an outcome that says so.

    `on_outcome` is called in this thread after each source; what it raises ends the collection.
    Sources that have not answered when the budget is spent count as failed.
    Raises `AllSourcesFailed`.
    """
    now = datetime.now(UTC)
    readings = []
    for reading in _read_all(payload.sources, limits, policy, now, budget_seconds):
        readings.append(reading)
        on_outcome(reading.outcome)
    order = {source.name: position for position, source in enumerate(payload.sources)}
    readings.sort(key=lambda reading: order[reading.outcome.name])
    outcomes = [reading.outcome for reading in readings]
    if outcomes and all(outcome.status == "failed" for outcome in outcomes):
        raise AllSourcesFailed(outcomes)
    items = [item for reading in readings for item in reading.items]
    stories = join_items(items, policy, now=now)
    stories.sort(key=lambda story: (-score(story, policy, now=now).points, story.link_hash))
    kept = _fitting(stories)
    return Collected(
        collected_at=now,
        limit=payload.limit,
        fetched=len(items),
        left_out=len(stories) - len(kept),
        stories=kept,
        sources=outcomes,
    )


def _read_all(
    sources: Sequence[Source],
    limits: FetchLimits,
    policy: Policy,
    now: datetime,
    budget_seconds: float,
) -> Iterator[_Reading]:
    """Yield a reading per source as they come in."""
    if not sources:
        return
    pool = ThreadPoolExecutor(min(CONCURRENT_FETCHES, len(sources)), thread_name_prefix="feed")
    try:
        waiting: dict[Future[_Reading], Source] = {
            pool.submit(_read, source, limits, policy, now): source for source in sources
        }
        try:
            for future in as_completed(list(waiting), timeout=budget_seconds):
                waiting.pop(future)
                yield future.result()
        except TimeoutError:
            for source in waiting.values():
                yield _failed(source, f"not read within the run's {budget_seconds:g} s")
    finally:
        # A thread that is still busy ends by its own fetch timeout; nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)


def _read(source: Source, limits: FetchLimits, policy: Policy, now: datetime) -> _Reading:
    try:
        document = fetch(
            source.url,
            limits,
            accept=ACCEPT,
            etag=source.etag,
            last_modified=source.last_modified,
        )
        entries = [] if document.is_unchanged else read_feed(document)
        items = read_items(entries, source.name, policy, now=now)
    except (FetchError, NotAFeed) as error:
        return _failed(source, str(error))
    except Exception as error:  # noqa: BLE001
        # feedparser lets AssertionError, KeyError, re.error and more get through for what strangers
        # wrote, and has no class of its own; such a feed costs only itself.
        return _failed(source, f"could not be read ({type(error).__name__})")
    return _Reading(
        SourceOutcome(
            name=source.name,
            url=source.url,
            status="unchanged" if document.is_unchanged else "read",
            items=len(items),
            etag=document.etag,
            last_modified=document.last_modified,
        ),
        items,
    )


def _failed(source: Source, error: str) -> _Reading:
    return _Reading(SourceOutcome(name=source.name, url=source.url, status="failed", error=error))


def _fitting(stories: Sequence[Story]) -> list[Story]:
    kept, size = [], 0
    for story in stories:
        size += len(story.model_dump_json().encode())
        if size > MAX_STORIES_BYTES:
            break
        kept.append(story)
    return kept
