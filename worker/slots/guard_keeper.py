"""Keeps a guard alive: starts it, cleans up after one that died, and starts the next."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from worker.backoff import backoff_seconds
from worker.log import log
from worker.slots.guard_link import GuardLink
from worker.slots.process_tree import children, kill_tree

NEVER = float("inf")
_SWEEP_SECONDS = 0.05


class GuardKeeper:
    """The present guard, and what to do when it is lost. Used by the pool's thread alone.

    `spared` names other children that this process starts; those it had before the first guard are
    known. Whatever else is found below it after a guard died was left by handlers, and is killed.
    """

    def __init__(
        self,
        modules: Sequence[str],
        settings: Mapping[str, Any],
        spared: Callable[[], set[int]] = set,
    ) -> None:
        self._modules = modules
        self._settings = settings
        self._spared = spared
        self._older = frozenset[int]()
        self._failures = 0
        self.link: GuardLink
        self.is_ready = False
        self.retry_at = NEVER

    def start(self) -> GuardLink:
        """Start the first guard and wait for it; raises GuardError."""
        self._older = frozenset(children(os.getpid()))
        self.link = GuardLink(self._modules, self._settings)
        self.link.wait_until_ready()
        self.is_ready = True
        return self.link

    def start_again(self) -> GuardLink | None:
        """Start the next guard once nothing of the last one is left; it says when it is ready."""
        if self._sweep():
            self.retry_at = time.monotonic() + _SWEEP_SECONDS
            return None
        self.retry_at = NEVER
        try:
            self.link = GuardLink(self._modules, self._settings)
        except OSError as error:
            self.broke(f"{type(error).__name__}: {error}")
            self.lost()
            return None
        return self.link

    def broke(self, reason: str) -> None:
        """Note that a guard could not get ready; its end follows."""
        self._failures += 1
        log("guard_broken", error=reason)

    def lost(self) -> None:
        """Note that the guard is gone."""
        log("guard_died")
        with contextlib.suppress(OSError):
            self.link.end()
        if self.is_ready:
            self._failures = 0
        self.is_ready = False
        pause = backoff_seconds(self._failures, lambda: 1.0, base_seconds=0.1, cap_seconds=5.0)
        self.retry_at = time.monotonic() + pause

    def end(self) -> None:
        """End the guard and everything below it."""
        self.is_ready = False
        self.link.end()
        while self._sweep():
            time.sleep(_SWEEP_SECONDS)

    def _sweep(self) -> bool:
        """Kill what a dead guard left to us; True while there was something."""
        left = set(children(os.getpid())) - self._older - self._spared()
        for pid in left:
            kill_tree(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return bool(left)
