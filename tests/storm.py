"""A storm: runs submitted and stopped at random, from several threads at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.watched_slots import WatchedSlots
from worker.slots.runs import Run, StopReason


def storm(
    slots: WatchedSlots,
    chance: random.Random,
    what: Sequence[Any],
    *,
    rounds: int,
    stoppers: int,
    timeout_seconds: float,
) -> list[Run]:
    """Submit some of `what` in each round, with their number as text; return all runs."""
    runs: list[Run] = []
    is_over = threading.Event()

    def stop_some(seed: float) -> None:
        own = random.Random(seed)
        while not is_over.wait(0.001):
            if runs:
                run = own.choice(runs[-50:])
                slots.pool.stop(run.id, run.claim_seq, own.choice([*StopReason]))
            if own.random() < 0.01:
                slots.pool.stop_all(StopReason.FENCE)

    threads = [threading.Thread(target=stop_some, args=(chance.random(),)) for _ in range(stoppers)]
    for thread in threads:
        thread.start()
    for _ in range(rounds):
        some = [
            slots.make(
                chance.choice(what), text=str(len(runs) + index), timeout_seconds=timeout_seconds
            )
            for index in range(chance.randrange(20))
        ]
        runs += some
        slots.pool.submit(some)
        if chance.random() < 0.3:
            time.sleep(0.005)
    is_over.set()
    for thread in threads:
        thread.join()
    return runs
