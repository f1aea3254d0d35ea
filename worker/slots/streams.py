"""A slot's stdout and stderr: put back after each run, with a mark where its output ends."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import sys
from io import TextIOWrapper
from typing import Any

from worker.slots.output import end_mark


class Streams:
    """The streams of this process, whatever its handlers make of them."""

    def __init__(self) -> None:
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)
        self._fd = os.dup(1)
        self._flush_c = ctypes.CDLL(None).fflush
        self._out, self._err = _open_stream(1), _open_stream(2)
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]
        faulthandler.enable(file=2)
        logging.basicConfig(
            stream=sys.stderr,
            level=logging.INFO,
            format="%(levelname)s %(name)s: %(message)s",
            force=True,
        )

    @property
    def is_broken(self) -> bool:
        """Whether a handler closed what cannot be opened again for those who hold it."""
        return self._out.closed or self._err.closed

    def end_run(self, number: int) -> None:
        """Send what is still buffered, then the mark of where the output of run `number` ends."""
        os.set_blocking(self._fd, True)
        if sys.stdout is not self._out or sys.stderr is not self._err:
            _flush(sys.stdout)  # objects of the handler's
            _flush(sys.stderr)
            sys.stdout, sys.stderr = self._out, self._err
        _flush(self._out)
        _flush(self._err)
        self._flush_c(None)
        os.dup2(self._fd, 1)
        os.dup2(self._fd, 2)
        os.write(self._fd, end_mark(number))


def _flush(stream: Any) -> None:
    try:  # noqa: SIM105 - `suppress` costs as much as the flush, and this is done twice a run
        stream.flush()
    except Exception:  # noqa: BLE001, S110 - an object of the handler's
        pass


def _open_stream(fd: int) -> TextIOWrapper:
    """Open a stream that hands on at once what is written, whatever characters are in it."""
    stream = open(fd, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    stream.reconfigure(line_buffering=True)
    return stream
