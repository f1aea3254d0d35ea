"""Walking and killing trees of real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import is_running
from tests.waiting import wait_until
from worker.slots import process_tree
from worker.slots.process_tree import children, descendants, kill_tree

# A parent with an odd name, a child, and a grandchild in a session of its own that ignores SIGTERM.
TREE = """
import os, signal, time
open("/proc/self/comm", "w").write("odd) 1 (name")
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
os.wait()
"""


@pytest.fixture
def root() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", TREE]) as process:
        yield process.pid
        kill_tree(process.pid)


def test_a_tree_is_found_whatever_its_processes_are_called(root: int) -> None:
    wait_until(lambda: len(descendants(root)) == 2, message="the tree stands")
    child, grandchild = descendants(root)
    assert children(root) == [child]
    assert children(child) == [grandchild]


def test_a_tree_is_found_without_proc_too(root: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_until(lambda: len(descendants(root)) == 2, message="the tree stands")
    expected = descendants(root)
    monkeypatch.setattr(process_tree, "_PROC", Path("/no/such/folder"))
    assert descendants(root) == expected


def test_a_killed_tree_is_gone(root: int) -> None:
    wait_until(lambda: len(descendants(root)) == 2, message="the tree stands")
    below = descendants(root)
    kill_tree(root)
    wait_until(lambda: not any(map(is_running, [root, *below])), message="all are gone")


def test_killing_what_is_gone_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    kill_tree(process.pid)


def test_memory_is_hidden_and_a_child_dies_with_its_parent() -> None:
    code = """
import ctypes, os
from worker.slots import linux
linux.hide_memory()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
if os.fork() == 0:
    linux.die_with_parent(os.getppid() + 1)  # not our parent: it is gone, says that
    print("still here")
os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.getcwd()
    )
    assert done.stdout.split() == ["0"]
