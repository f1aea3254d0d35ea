"""gunicorn for the listener: one worker on a socket that the runner bound, no control socket."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from gunicorn.app.base import BaseApplication

from worker.listener.line import Line
from worker.listener.routes import Routes
from worker.listener.setup import Setup
from worker.slots.linux import die_with_parent

_SETTINGS = {
    "workers": 1,
    "worker_class": "worker.listener.http_worker.ListenerWorker",
    "threads": 8,
    "timeout": 30,
    "graceful_timeout": 2,
    "keepalive": 5,
    "limit_request_line": 1_024,
    "limit_request_fields": 50,
    "limit_request_field_size": 8_190,
    "control_socket_disable": True,  # one path per user: a second runner would take it over
    "accesslog": None,
    "loglevel": "warning",
    "logconfig_dict": {
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "worker.log.JsonLines"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {"gunicorn.error": {"handlers": ["stderr"], "propagate": False}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    },
}


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The listener's process pair: gunicorn's arbiter and its worker."""

    def __init__(self, setup: Setup, connection: socket.socket, server_fd: int) -> None:
        self._setup = setup
        self._connection = connection
        self._server_fd = server_fd
        super().__init__()

    def load_config(self) -> None:
        arbiter = os.getpid()
        for name, value in _SETTINGS.items():
            self.cfg.set(name, value)
        self.cfg.set("bind", f"fd://{self._server_fd}")
        self.cfg.set("post_fork", lambda _arbiter, _worker: die_with_parent(arbiter))

    def load(self) -> Any:
        """Make the application, in the worker; it ends with the runner's end of the line."""
        arbiter = os.getppid()
        line = Line(self._connection, on_end=lambda: os.kill(arbiter, signal.SIGTERM))
        return Routes(self._setup, line)
