"""Become a program that dies with its parent. Run as a script; standard library only.

    python bound_child.py PARENT_PID PROGRAM [ARGUMENT ...]

The kernel sends SIGKILL when the parent goes, however it goes (Linux; elsewhere the program just
starts). It is asked for here and not in a `preexec_fn`, which is not safe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, program: list[str]) -> None:
    """Bind this process to its parent and become the program."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went before the kernel was asked
            os._exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
