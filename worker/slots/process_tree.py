"""Signals to a process and all it started, whatever sessions or daemons they made of themselves.

The caller is (or is below) a child subreaper: no descendant can leave the tree it is found in.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import defaultdict
from pathlib import Path

from worker.slots import linux

_PROC = Path("/proc")
_PS = ("ps", "-A", "-o", "pid=,ppid=")
_ROUNDS = 50


def children(parent: int) -> list[int]:
    """Return the processes whose parent is `parent`, the dead but unreaped among them."""
    return [pid for pid, above in _parents() if above == parent]


def own_children() -> list[int]:
    """Return the children of this process, if it has one thread: quicker than to ask of all.

    The list is whole because nobody else collects them, so none leaves it while it is read.
    """
    pid = os.getpid()
    try:
        return [*map(int, (_PROC / f"self/task/{pid}/children").read_bytes().split())]
    except OSError:  # a kernel without
        return children(pid)


def descendants(root: int) -> list[int]:
    """Return every process below `root`, parents first."""
    children = defaultdict(list)
    for pid, parent in _parents():
        children[parent].append(pid)
    found, todo = [], [root]
    while todo:
        below = children.pop(todo.pop(), [])
        found += below
        todo += below
    return found


def signal_tree(root: int, signum: int) -> None:
    """Send `signum` to `root` and everything below it, as found in one pass."""
    for pid in (root, *descendants(root)):
        _signal(pid, signum)
    _signal_group(root, signum)


def kill_tree(root: int) -> None:
    """Kill `root` and everything below it."""
    for pid in _frozen({root}):
        _signal(pid, signal.SIGKILL)
    _signal_group(root, signal.SIGKILL)


def kill_below(root: int) -> None:
    """Kill everything below `root`, but not `root` itself."""
    for pid in _frozen(set(descendants(root))):
        _signal(pid, signal.SIGKILL)


def _frozen(roots: set[int]) -> list[int]:
    """Stop the trees of `roots` before killing them: what is stopped forks no more."""
    stopped: list[int] = []
    fresh = [*roots]
    for _ in range(_ROUNDS):
        for pid in fresh:
            _signal(pid, signal.SIGSTOP)
        stopped += fresh
        known = set(stopped)
        fresh = [pid for root in roots for pid in descendants(root) if pid not in known]
        if not fresh:
            break
    return stopped


def _parents() -> list[tuple[int, int]]:
    """Return (pid, parent) of every process."""
    if not (_PROC / "self" / "stat").exists():
        listed = subprocess.run(_PS, capture_output=True, text=True, check=False).stdout.split()
        return [*zip(map(int, listed[::2]), map(int, listed[1::2]), strict=True)]
    found = []
    for entry in os.listdir(_PROC):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # "pid (name) state ppid ...": the name may hold spaces and brackets
                stat = (_PROC / entry / "stat").read_bytes()
                found.append((int(entry), int(stat.rpartition(b")")[2].split()[1])))
    return found


def _signal(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signum)


def _signal_group(leader: int, signum: int) -> None:
    """Reach those of a slot's session whose parents are gone, where nobody adopted them."""
    if not linux.SUPPORTED:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signum)
