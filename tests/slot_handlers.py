"""Handlers for the tests of slots: each notes in a file that it began, then does as it is asked."""

from __future__ import annotations

import contextlib
import ctypes
import io
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
from worker.frames import pack
from worker.handlers import handler
from worker.slots.output import end_mark


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    how: str
    text: str = ""
    file: str = ""
    began: str = ""
    size: int = 0


@handler("in_process")
def in_process(job: JobContext, payload: Asked) -> dict[str, Any] | None:
    if payload.began:
        _append(payload.began, f"{job.id} {os.getpid()}\n")
    result: dict[str, Any] | None = WAYS[payload.how](job, payload)
    return result


def _append(file: str, line: str) -> None:
    """Write a line in one piece, whoever else writes."""
    with open(file, "ab", buffering=0) as opened:
        opened.write(line.encode())


def _name_packages(job: JobContext, payload: Asked) -> dict[str, Any]:
    return {"packages": sorted({name.partition(".")[0] for name in sys.modules})}


def _say(job: JobContext, payload: Asked) -> dict[str, Any]:
    """Print by every way that ends in the two streams."""
    print(f"print {payload.text}")
    print(f"stderr {payload.text}", file=sys.stderr)
    logging.getLogger("acme").warning("logged %s", payload.text)
    os.write(1, f"raw {payload.text}\n".encode())
    ctypes.CDLL(None).puts(f"c {payload.text}".encode())
    return {"text": payload.text}


def _say_in_child(job: JobContext, payload: Asked) -> dict[str, Any]:
    subprocess.run(["/bin/echo", payload.text], check=True)
    return {"text": payload.text}


def _print_marks(job: JobContext, payload: Asked) -> dict[str, Any]:
    """Print what ends the output of runs, as a payload might have it printed."""
    for number in range(200):
        os.write(1, end_mark(number))
    print(payload.text)
    return {}


def _forge_own_mark(job: JobContext, payload: Asked) -> dict[str, Any]:
    number = job._send.args[0]  # type: ignore[attr-defined]
    print("before", flush=True)
    os.write(1, end_mark(number))
    print("after", flush=True)
    return {}


def _write_garbage(job: JobContext, payload: Asked) -> None:
    for fd in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(fd, b"\xff\xff\xff\xffgarbage")
    time.sleep(600)


def _write_a_frame_of_no_run(job: JobContext, payload: Asked) -> None:
    frame = pack({"kind": "called_back", "run": [1]})
    for fd in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(fd, frame)
    time.sleep(600)


def _nap(job: JobContext, payload: Asked) -> dict[str, Any]:
    time.sleep(0.3)
    return {}


def _leave_a_thread(job: JobContext, payload: Asked) -> dict[str, Any]:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return {"text": "x" * payload.size}


def _wait(job: JobContext, payload: Asked) -> None:
    _append(payload.file, "waiting\n")
    job.sleep(600)


def _wait_for_file(job: JobContext, payload: Asked) -> dict[str, Any]:
    while not Path(payload.file).exists():
        time.sleep(0.005)
    return {}


def _sleep_on(job: JobContext, payload: Asked) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def _end_own_group(job: JobContext, payload: Asked) -> dict[str, Any]:
    """End its children the careless way: SIGTERM to its whole group, itself among them."""
    os.killpg(0, signal.SIGTERM)
    return {"is_done": True}


def _allocate(job: JobContext, payload: Asked) -> dict[str, Any]:
    """Fill memory as programs do, in one piece and in many."""
    whole = bytearray(payload.size // 2)
    parts = [bytes([index % 256]) * 10_000 for index in range(payload.size // 20_000)]
    return {"size": len(whole) + sum(map(len, parts))}


KEPT: list[bytes] = []


def _keep(job: JobContext, payload: Asked) -> dict[str, Any]:
    KEPT.append(bytes([1]) * payload.size)
    return {}


def _allocate_in_child(job: JobContext, payload: Asked) -> dict[str, Any]:
    program = f"bytearray({payload.size})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return {"code": done.returncode, "error": done.stderr.strip().rpartition("\n")[2]}


def _return_too_much(job: JobContext, payload: Asked) -> dict[str, Any]:
    text = "x" * (payload.size // 3)
    return {"text": [text] * 30}


def _close_stdout(job: JobContext, payload: Asked) -> dict[str, Any]:
    print(payload.text)
    sys.stdout.close()
    return {}


def _replace_stdout(job: JobContext, payload: Asked) -> dict[str, Any]:
    sys.stdout = sys.stderr = io.StringIO()
    print(payload.text)
    return {}


def _redirect_stdout(job: JobContext, payload: Asked) -> dict[str, Any]:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    return {}


def _do_not_block(job: JobContext, payload: Asked) -> dict[str, Any]:
    os.set_blocking(1, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(1, b"x" * 4_096)
    return {}


def _kill_the_guard(job: JobContext, payload: Asked) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


WAYS: dict[str, Callable[[JobContext, Asked], Any]] = {
    "ok": lambda job, payload: {},
    "name_packages": _name_packages,
    "say": _say,
    "say_in_child": _say_in_child,
    "print_marks": _print_marks,
    "forge_own_mark": _forge_own_mark,
    "garbage": _write_garbage,
    "odd_frame": _write_a_frame_of_no_run,
    "nap": _nap,
    "leave_thread": _leave_a_thread,
    "wait": _wait,
    "wait_for_file": _wait_for_file,
    "sleep_on": _sleep_on,
    "end_own_group": _end_own_group,
    "allocate": _allocate,
    "keep": _keep,
    "allocate_in_child": _allocate_in_child,
    "return_too_much": _return_too_much,
    "close_stdout": _close_stdout,
    "replace_stdout": _replace_stdout,
    "redirect_stdout": _redirect_stdout,
    "do_not_block": _do_not_block,
    "exit": lambda job, payload: os._exit(3),
    "segfault": lambda job, payload: ctypes.string_at(0),
    "kill_self": lambda job, payload: os.kill(os.getpid(), signal.SIGKILL),
    "kill_guard": _kill_the_guard,
}
