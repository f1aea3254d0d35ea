"""Run one PostgreSQL program under the account it needs. Run as a script; standard library only.

    python postgres_child.py ACCOUNT PROGRAM [ARGUMENT ...]
    python postgres_child.py --detach LOCK LOG ACCOUNT PROGRAM [ARGUMENT ...]

PostgreSQL refuses to run as root. The account is changed here, in a process with one thread, and
not in a `preexec_fn`, which is not safe beside threads.

With `--detach` the program outlives its starter, writes to LOG and keeps LOCK locked. The kernel
drops that lock when the last process of the server is gone, however it went: the lock, and no
process id, says whether the server lives.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def enter_namespace() -> None:
    """Appear as `nobody` in a user namespace of our own: files stay ours, nothing is chmod-ed."""
    account = pwd.getpwnam("nobody")  # initdb wants a name for the user that it sees
    outside = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{account.pw_uid} {outside[0]} 1")
    Path("/proc/self/gid_map").write_text(f"{account.pw_gid} {outside[1]} 1")


def become_nobody() -> None:
    """Give root up for `nobody`, for good."""
    account = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


ACCOUNTS = {"self": lambda: None, "namespace": enter_namespace, "nobody": become_nobody}


def detach(lock_path: str, log_path: str) -> None:
    """Leave the starter's session and descriptors; hold the lock from here on."""
    lock = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.set_inheritable(lock, True)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def main(arguments: list[str]) -> None:
    """Change the account and become the program; return only when no program is named."""
    if arguments[0] == "--detach":
        detach(arguments[1], arguments[2])
        arguments = arguments[3:]
    account, *program = arguments
    ACCOUNTS[account]()
    if program:
        os.chdir("/")  # the starter's folder may be closed to this account
        os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
