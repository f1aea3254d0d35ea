"""The guard: forks the slots, kills their trees, and kills everything when the runner is gone.

It has one thread, a clean environment and no secret, so neither have the slots. It imports the
handler modules once; a fork then costs milliseconds.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

from worker.frames import Decoder, pack, read_frame
from worker.registry import RegistryError, import_handlers
from worker.slots import linux, slot
from worker.slots.process_tree import kill_below, kill_tree, own_children, signal_tree

_FDS_PER_SPAWN = 3


class Guard:
    """The parent of all slots, driven by the runner over one control socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._decoder = Decoder()
        self._fds: list[int] = []
        self._slots: set[int] = set()
        self._setup: slot.Setup
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()

    def run(self) -> NoReturn:
        """Serve until the runner is gone."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        self._prepare()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    self._receive()
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_read, 4096)
            self._reap()

    def _prepare(self) -> None:
        """Import what the handlers need, and tell the runner how that went."""
        hello = read_frame(self._control)
        if hello is None:
            os._exit(0)
        try:
            specs = import_handlers(hello["modules"])
        except RegistryError as error:
            self._send({"kind": "broken", "error": str(error)})
            os._exit(1)
        self._setup = slot.Setup(specs, hello["settings"])
        gc.collect()
        gc.freeze()
        self._send({"kind": "ready"})

    def _receive(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, 65_536, _FDS_PER_SPAWN)
        except ConnectionError:
            data, fds = b"", []
        if not data:
            self._end()
        self._fds += fds
        for message in self._decoder.feed(data):
            self._obey(message)

    def _obey(self, message: dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "spawn":
            fds, self._fds = self._fds[:_FDS_PER_SPAWN], self._fds[_FDS_PER_SPAWN:]
            self._spawn(message["slot"], *fds)
        elif message["pid"] not in self._slots:
            return  # it ended by itself, and the runner will read so
        elif kind == "signal":
            signal_tree(message["pid"], message["signal"])
        elif kind == "kill" or not linux.SUPPORTED:
            kill_tree(message["pid"])
        elif kind == "end":
            os.kill(message["pid"], signal.SIGKILL)  # what it left, if anything, comes to us

    def _spawn(self, key: int, connection: int, output: int, tickets: int) -> None:
        guard = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._send({"kind": "not_spawned", "slot": key, "error": str(error)})
            pid = -1
        if pid == 0:
            self._become_slot(guard, connection, output, tickets)
        for fd in (connection, output, tickets):
            os.close(fd)
        if pid > 0:
            self._slots.add(pid)
            self._send({"kind": "spawned", "slot": key, "pid": pid})

    def _become_slot(self, guard: int, connection: int, output: int, tickets: int) -> NoReturn:
        """Turn the fresh fork into a slot: a session of its own, and nothing of the guard's."""
        try:
            signal.set_wakeup_fd(-1)
            for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(signum, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            linux.die_with_parent(guard)
            linux.adopt_orphans()
            self._selector.close()
            self._control.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            os.set_inheritable(connection, False)
            os.set_inheritable(tickets, False)
            slot.Slot(self._setup, socket.socket(fileno=connection), tickets).serve()
        finally:
            os._exit(slot.EXIT_BROKEN)

    def _reap(self) -> None:
        has_lost_a_slot = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid in self._slots:
                    self._slots.remove(pid)
                    has_lost_a_slot = True
                    self._send({"kind": "exited", "pid": pid, "status": status})
        if has_lost_a_slot:
            # what a slot started comes to us when the slot dies
            for orphan in set(own_children()) - self._slots:
                kill_tree(orphan)

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._control.sendall(pack(message))
        except OSError:
            self._end()

    def _end(self) -> NoReturn:
        """Leave nothing behind: whoever holds the jobs of the dead runner next must be alone."""
        with contextlib.suppress(ChildProcessError):
            while True:
                kill_below(os.getpid())
                for pid in self._slots:
                    kill_tree(pid)
                self._slots.discard(os.waitpid(-1, 0)[0])
        os._exit(0)


def main() -> NoReturn:
    """Run as `python -m worker.slots.guard FD`, FD being the control socket."""
    linux.adopt_orphans()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    Guard(control).run()


if __name__ == "__main__":
    main()
