"""The runner's main thread: start-up, signals, supervision, and the way out."""

from __future__ import annotations

import gc
import logging
import selectors
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.jobs import Held
from worker.clock import Clock
from worker.drain import Drain
from worker.engine import Engine
from worker.heartbeat import Heartbeat
from worker.identity import Identity
from worker.journal import Journal
from worker.lease import Lease
from worker.listener.process import AddressTaken, ListenerProcess, bind
from worker.listener.setup import make_setup
from worker.log import log, set_up_logging
from worker.loops import Loops
from worker.registry import Registry, RegistryError, load_registry
from worker.slots import linux
from worker.slots.guard_keeper import GuardKeeper
from worker.slots.guard_link import GuardError
from worker.slots.inside_pools import make_inside_pools
from worker.slots.kinds import Kind, kind_of
from worker.slots.pool import Pool
from worker.slots.runs import StopReason
from worker.slots.slots import Slots
from worker.stop_signals import StopSignals

if TYPE_CHECKING:
    import socket

    from config import Settings

EXIT_OK, EXIT_CANNOT_START, EXIT_BROKEN = 0, 1, 70
_FLUSH_SECONDS = 15.0


def run(settings: Settings) -> int:
    """Run the runner until it is told to stop; returns the exit code."""
    set_up_logging(settings.log_level, runner=settings.runner_name)
    linux.hide_memory()
    linux.adopt_orphans()
    if not linux.SUPPORTED:
        log(
            "slots_degraded",
            level=logging.WARNING,
            reason="only Linux keeps handlers from outliving us",
        )
    try:
        registry = load_registry(settings)
        with bind(settings.runner_host, settings.runner_port) as server:
            return Daemon(settings, registry, server).run()
    except (RegistryError, AddressTaken, GuardError) as error:
        log("cannot_start", level=logging.ERROR, reason=str(error))
        return EXIT_CANNOT_START


class Daemon:
    """All parts of one runner, and the loop that watches over them."""

    def __init__(self, settings: Settings, registry: Registry, server: socket.socket) -> None:
        self._settings = settings
        self._registry = registry
        self._server = server
        self._identity = Identity(settings.runner_name)
        self._journal = Journal()
        self._lease = Lease(settings.runner_lease_seconds, settings.runner_kill_grace_seconds)
        self._heartbeat = Heartbeat(
            settings,
            runner_instance=self._identity.instance,
            lease=self._lease,
            on_cancel=self._cancel,
        )
        self._clock = Clock(
            settings, actor=self._identity.actor, on_fired=lambda: self._engine.wake()
        )
        self._engine = Engine(
            settings,
            registry,
            self._identity,
            lease=self._lease,
            heartbeat=self._heartbeat,
            journal=self._journal,
            clock=self._clock,
        )
        self._pool = Pool(
            size=settings.runner_slots,
            recycle_jobs=settings.runner_recycle_jobs,
            kill_grace_seconds=settings.runner_kill_grace_seconds,
            guards=GuardKeeper(registry.modules, settings.handler_settings, self._own_children),
            lease=self._lease,
            on_ended=self._engine.tell,
            on_told=self._engine.tell,
            on_change=self._engine.capacity_changed,
        )
        inside = make_inside_pools(settings, registry, lease=self._lease, tell=self._engine.tell)
        self._slots = self._engine.slots = Slots(
            {Kind.PROCESS: self._pool, **inside},
            {name: kind_of(registry.specs[name]) for name in registry.allowlist},
        )
        self._inside = list(inside.values())
        self._listener = ListenerProcess(
            server,
            make_setup(settings, registry, self._identity),
            on_wake=self._wake,
            state=self._state,
        )
        self._signals = StopSignals()
        self._loops = Loops(on_end=self._signals.wake)
        self._drain = Drain(
            drain_seconds=settings.runner_drain_seconds,
            grace_seconds=settings.runner_kill_grace_seconds + _FLUSH_SECONDS,
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._signals.fd, selectors.EVENT_READ)

    def run(self) -> int:
        """Start everything, serve until drained, and leave nothing behind."""
        self._signals.take()
        self._watch_listener()  # it gets ready beside the guard
        try:
            self._pool.start()
        except GuardError:
            self._listener.end()  # or it would hold the address of whoever starts next
            raise
        for pool in self._inside:
            pool.start()
        _collect_seldom()
        self._loops.start("engine", self._engine.run)
        self._loops.start("slots", self._pool.run)
        self._loops.start("heartbeat", self._heartbeat.run)
        if self._clock.is_enabled:
            self._loops.start("clock", self._clock.run)
        self._tell_start()
        code = self._supervise()
        self._heartbeat.end()
        self._clock.end()
        self._pool.close()
        for pool in self._inside:
            pool.close()
        self._listener.end()
        self._loops.join(_FLUSH_SECONDS, but="engine")
        log("runner_stopped", exit_code=code)
        return code

    def _cancel(self, held: Held) -> None:
        self._slots.stop(held.id, held.claim_seq or 0, StopReason.CANCEL)

    def _tell_start(self) -> None:
        for name, reason in self._registry.left_out.items():
            log("job_type_left_out", level=logging.WARNING, job_type=name, reason=reason)
        host, port = self._server.getsockname()[:2]
        log(
            "runner_started",
            instance=self._identity.instance,
            version=self._identity.version,
            pid=self._identity.pid,
            address=f"{host}:{port}",
            slots={kind: self._slots.capacity(kind) for kind in self._registry.kinds},
            allowlist=[*self._registry.allowlist],
        )
        for kind in self._registry.kinds.keys() - {Kind.PROCESS}:
            log(
                "slots_not_killable",
                job_types=self._registry.kinds[kind],
                reason="these handlers run inside the runner: told to stop, they must comply",
            )

    # -- supervision -----------------------------------------------------------------------------

    def _supervise(self) -> int:
        while "engine" not in self._loops.ended:
            for key, _ in self._selector.select(self._seconds_to_wait()):
                if key.fd == self._signals.fd:
                    for _signal in range(self._signals.read()):
                        self._stop_signal()
                elif not self._listener.read():
                    self._selector.unregister(key.fileobj)
            if self._loops.has_crashed or self._keep_time():
                return EXIT_BROKEN
        return EXIT_OK

    def _seconds_to_wait(self) -> float | None:
        times = [self._drain.stop_at, self._drain.give_up_at, self._listener.restart_at]
        due = [at for at in times if at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _stop_signal(self) -> None:
        """Drain on the first signal; on the second give the jobs back at once."""
        if not self._drain.is_begun:
            log("runner_draining", held=self._running())
            self._engine.drain()
        self._drain.ask(time.monotonic())

    def _keep_time(self) -> bool:
        """Do what is due; True when draining has to be given up."""
        now = time.monotonic()
        if self._listener.restart_at is not None and now >= self._listener.restart_at:
            self._watch_listener()
        if self._drain.take_stop(now):
            self._slots.stop_all(StopReason.DRAIN)
        if self._drain.is_given_up(now):
            log("drain_given_up", level=logging.ERROR, held=self._running())
            return True
        return False

    def _watch_listener(self) -> None:
        self._selector.register(self._listener.start(), selectors.EVENT_READ)

    # -- told to other parts ---------------------------------------------------------------------

    def _wake(self) -> None:
        self._engine.wake()
        self._heartbeat.wake()

    def _own_children(self) -> set[int]:
        pid = self._listener.pid
        return set() if pid is None else {pid}

    def _running(self) -> int:
        return self._engine.held

    def _state(self) -> Mapping[str, Any]:
        """Return how the runner is, without asking anything of it."""
        state = self._journal.snapshot()
        reasons = {
            "a loop has ended": bool(self._loops.ended),
            "the slots are being started again": self._pool.capacity == 0,
            "the database is not reachable": not state["database_reachable"],
            "the runner is draining": self._drain.is_begun,
        }
        reason = next((reason for reason, holds in reasons.items() if holds), None)
        more = {} if reason is None else {"reason": reason}
        return {
            **state,
            **more,
            "is_ready": reason is None,
            "slots": self._settings.runner_slots + sum(pool.capacity for pool in self._inside),
            "running": self._running(),
        }


def _collect_seldom() -> None:
    """Have the cycle collector come seldom, and never for what was made until now.

    Thousands of jobs are held at a time, none of them in a cycle: by default the collector walks
    them again and again, which was measured to be 3 of 20 us a job.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()
