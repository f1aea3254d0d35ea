"""Loopback ports: free ones, and a clear word where one is taken."""

from __future__ import annotations

import socket

from app.cli.exits import CommandError


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
