"""Loopback ports: free ones, and a clear word where one is taken."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from app.cli.exits import CommandError


def free_ports(count: int) -> list[int]:
    """Return different ports that nothing listens on at this moment."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def require_free(port: int, *, host: str = "127.0.0.1", purpose: str, option: str) -> None:
    """Raise CommandError where something listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} for {purpose} cannot be used: {error.strerror}.",
                hint=f"stop what uses it, or choose another one with {option}",
            ) from None
