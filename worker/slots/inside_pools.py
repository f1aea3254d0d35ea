"""The pools inside the runner's own process, of the kinds that its handlers ask for."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from worker.lease import Lease
from worker.registry import Registry
from worker.slots.coroutines import AsyncSlots
from worker.slots.inside import Setup
from worker.slots.kinds import Kind
from worker.slots.runs import Ended, Told
from worker.slots.threads import ThreadSlots

if TYPE_CHECKING:
    from config import Settings

InsidePool = ThreadSlots | AsyncSlots


def make_inside_pools(
    settings: Settings,
    registry: Registry,
    *,
    lease: Lease,
    tell: Callable[[Ended | Told], None],
) -> dict[Kind, InsidePool]:
    """Make them, not started yet; `tell` is called for all that their runs say, and their ends."""
    setup = Setup(
        specs=registry.specs,
        settings=MappingProxyType(settings.handler_settings),
        kill_grace_seconds=settings.runner_kill_grace_seconds,
        lease=lease,
        on_ended=tell,
        on_told=tell,
    )
    choices: list[tuple[Kind, type[InsidePool], int]] = [
        (Kind.THREAD, ThreadSlots, settings.runner_thread_slots),
        (Kind.ASYNC, AsyncSlots, settings.runner_async_slots),
    ]
    return {kind: make(size, setup) for kind, make, size in choices if kind in registry.kinds}
