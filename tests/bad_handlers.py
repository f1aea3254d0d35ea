"""Handlers that do, when asked, what handlers must not; the runner has to bear all of it."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from worker.context import JobContext
from worker.handlers import handler
from worker.slots.ends import End, pack_end
from worker.slots.runs import Verdict
from worker.steering import GiveUp, JobCancelled, RetryLater

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    how: str
    file: str = ""


@handler("misbehave")
def misbehave(job: JobContext, payload: Asked) -> dict[str, Any] | None:
    result: dict[str, Any] | None = WAYS[payload.how](job, payload)
    return result


@handler("strict", timeout_seconds=5, max_attempts=2)
async def strict(job: JobContext, payload: Asked) -> Asked:
    job.log(f"attempt {job.attempt}")
    return payload


def _note(payload: Asked, text: object) -> None:
    with Path(payload.file).open("a") as file:
        file.write(f"{text}\n")


def _ignore_sigterm_and_sleep(job: JobContext, payload: Asked) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _note(payload, os.getpid())
    time.sleep(600)


def _sleep_in_child(job: JobContext, payload: Asked) -> None:
    child = subprocess.Popen(SLEEPER)
    _note(payload, child.pid)
    child.wait()


def _daemonise(job: JobContext, payload: Asked) -> None:
    """Leave a grandchild in a session of its own, whose parent is gone."""
    noted, noting = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _note(payload, os.getpid())
            os.close(noting)
            time.sleep(600)
        os._exit(0)
    os.wait()
    os.close(noting)
    os.read(noted, 1)  # ends when nobody is left to write
    os.close(noted)


def _daemonise_and_sleep(job: JobContext, payload: Asked) -> None:
    _daemonise(job, payload)
    time.sleep(600)


def _daemonise_and_sleep_once(job: JobContext, payload: Asked) -> dict[str, Any]:
    if job.claim_seq == 1:
        _daemonise_and_sleep(job, payload)
    return {"claim_seq": job.claim_seq}


def _daemonise_and_crash(job: JobContext, payload: Asked) -> None:
    _daemonise(job, payload)
    os.kill(os.getpid(), signal.SIGKILL)


def _chatter_once(job: JobContext, payload: Asked) -> dict[str, Any]:
    """Report all the time, in the first claim."""
    _note(payload, os.getpid())
    while job.claim_seq == 1:
        job.log("still here")
        job.sleep(0.05)
    return {"claim_seq": job.claim_seq}


def _wait_once(job: JobContext, payload: Asked) -> dict[str, Any]:
    if job.claim_seq == 1:
        _note(payload, os.getpid())
        job.sleep(600)
    return {"claim_seq": job.claim_seq}


def _return_from_a_fork(job: JobContext, payload: Asked) -> dict[str, Any]:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return {"is_child": child == 0}


def _leave_a_thread(job: JobContext, payload: Asked) -> dict[str, Any]:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return {"pid": os.getpid()}


def _write_garbage(job: JobContext, payload: Asked) -> None:
    _write_raw(b"\xff\xff\xff\xffgarbage")


def _write_half_a_frame(job: JobContext, payload: Asked) -> None:
    _write_raw(b'\x00\x00\x01\x00{"kind": "succeeded"')
    os._exit(0)


def _forge_a_verdict(job: JobContext, payload: Asked) -> None:
    _send_success(job, "NaN")
    time.sleep(600)


def _forge_what_only_postgres_refuses(job: JobContext, payload: Asked) -> None:
    _send_success(job, '{"tiny": 1e-200000}')
    time.sleep(600)


def _send_success(job: JobContext, text: str) -> None:
    """Say by the slot's own means that the run succeeded with this result."""
    tell: Any = job._send
    end = End(tell.args[0], Verdict.SUCCEEDED, text, None, 0.0, False, False)
    tell.func.__self__._send(pack_end(end))


def _write_raw(data: bytes) -> None:
    for fd in range(3, 64):
        try:
            os.write(fd, data)
        except OSError:
            continue


def _close_all(job: JobContext, payload: Asked) -> None:
    os.closerange(0, 64)


def _print_a_flood(job: JobContext, payload: Asked) -> dict[str, Any]:
    print("first line")
    sys.stdout.write("x" * 5_000_000)
    print("\nlast line")
    return {}


def _print_oddly(job: JobContext, payload: Asked) -> dict[str, Any]:
    print("\x1b[31mred\x1b[0m nul\x00 lone\ud800 end")
    sys.stdout.flush()
    os.write(1, b"raw \xff\xfe bytes\n")
    os.write(2, b"to stderr\n")
    logging.getLogger("acme").warning("logged %s", "words")
    return {}


def _log_a_lot(job: JobContext, payload: Asked) -> dict[str, Any]:
    for number in range(3_000):
        job.log(f"line {number}")
    return {}


def _tell(job: JobContext, payload: Asked) -> dict[str, Any]:
    job.progress(1, total=3, message="one\x00")
    job.log("drafted \ud800")
    return {"id": str(job.id), "settings": dict(job.settings), "claim_seq": job.claim_seq}


def _wait_for_cancel(job: JobContext, payload: Asked) -> None:
    _note(payload, "started")
    job.sleep(600)


def _finish_when_stopped(job: JobContext, payload: Asked) -> dict[str, Any]:
    _note(payload, "started")
    try:
        job.sleep(600)
    except JobCancelled:
        return {"was": "asked to stop"}
    return {}


def _read_the_runner(job: JobContext, payload: Asked) -> dict[str, Any]:
    return {"environment": dict(os.environ), "argv": sys.argv, "open": os.listdir("/proc/self/fd")}


def _change_everything(job: JobContext, payload: Asked) -> dict[str, Any]:
    before = {"cwd": os.getcwd(), "umask": os.umask(0o777)}
    os.chdir("/")
    return before


def _kill_the_guard(job: JobContext, payload: Asked) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def _raise(error: BaseException) -> Callable[[JobContext, Asked], None]:
    def way(job: JobContext, payload: Asked) -> None:
        raise error

    return way


def _return(result: object) -> Callable[[JobContext, Asked], Any]:
    return lambda job, payload: result


def _cycle() -> dict[str, Any]:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    return cycle


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


WAYS: dict[str, Callable[[JobContext, Asked], Any]] = {
    "ok": _return({"ok": True}),
    "pid": lambda job, payload: {"pid": os.getpid()},
    "nothing": _return(None),
    "ignore_sigterm": _ignore_sigterm_and_sleep,
    "sleep_in_child": _sleep_in_child,
    "daemonise": _daemonise,
    "daemonise_and_sleep": _daemonise_and_sleep,
    "daemonise_and_sleep_once": _daemonise_and_sleep_once,
    "daemonise_and_crash": _daemonise_and_crash,
    "chatter_once": _chatter_once,
    "wait_once": _wait_once,
    "return_from_fork": _return_from_a_fork,
    "leave_thread": _leave_a_thread,
    "garbage": _write_garbage,
    "half_a_frame": _write_half_a_frame,
    "forge": _forge_a_verdict,
    "forge_tiny": _forge_what_only_postgres_refuses,
    "close_all": _close_all,
    "flood": _print_a_flood,
    "print_oddly": _print_oddly,
    "log_a_lot": _log_a_lot,
    "tell": _tell,
    "wait": _wait_for_cancel,
    "finish_when_stopped": _finish_when_stopped,
    "read_runner": _read_the_runner,
    "change": _change_everything,
    "exit_0": lambda job, payload: os._exit(0),
    "exit_3": lambda job, payload: os._exit(3),
    "sys_exit_0": lambda job, payload: sys.exit(0),
    "segfault": lambda job, payload: ctypes.string_at(0),
    "abort": lambda job, payload: os.abort(),
    "kill_self": lambda job, payload: os.kill(os.getpid(), signal.SIGKILL),
    "kill_guard": _kill_the_guard,
    "interrupt": _raise(KeyboardInterrupt()),
    "generator_exit": _raise(GeneratorExit()),
    "unprintable": _raise(Unprintable()),
    "odd_error": _raise(ValueError("\x1b[31mbad\x1b[0m \x00 \ud800 " + "x" * 10_000)),
    "later": _raise(RetryLater(7, "not yet")),
    "give_up": _raise(GiveUp("no use")),
    "nan": _return({"n": float("nan")}),
    "set": _return({"s": {1}}),
    "bytes": _return({"b": b"x"}),
    "cycle": lambda job, payload: _cycle(),
    "deep": lambda job, payload: _deep(10_000),
    "huge": lambda job, payload: {"x": "y" * 50_000_000},
    "nul": _return({"x": "a\x00b"}),
    "surrogate": _return({"x": "\ud800"}),
    "int_key": _return({1: 2}),
    "list": _return([1]),
}
