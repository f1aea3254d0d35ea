"""The routes of the listener, as plain WSGI: nothing is done before the token is found right."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from worker.listener.answers import Answer, json_answer, problem
from worker.listener.hints import BODY_MAX_BYTES, HintInvalid, read_hint
from worker.listener.line import Line
from worker.listener.metrics import CONTENT_TYPE, render_metrics
from worker.listener.setup import Setup

_FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_CF_CONNECTING_IP")

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Routes:
    """The WSGI application."""

    def __init__(self, setup: Setup, line: Line) -> None:
        self._setup = setup
        self._tokens = [token.encode() for token in setup.tokens]
        self._line = line
        self._routes: dict[str, tuple[str, Callable[[Environ], Answer]]] = {
            "/runner/wake": ("POST", self._wake),
            "/healthz": ("GET", self._health),
            "/readyz": ("GET", self._ready),
            "/metrics": ("GET", self._metrics),
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        start_response(answer.status_line, answer.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path not in self._routes:
            return problem("not_found")
        allowed, view = self._routes[path]
        if path == "/runner/wake" and not self._has_token(environ):
            return problem("invalid_token")
        if method != allowed and (method, allowed) != ("HEAD", "GET"):
            return problem("method_not_allowed", allow=allowed)
        return view(environ)

    def _has_token(self, environ: Environ) -> bool:
        """Compare in constant time, on bytes, with every valid token."""
        given = str(environ.get("HTTP_X_RUNNER_TOKEN", "")).encode("latin-1", "replace")
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(matches)

    def _wake(self, environ: Environ) -> Answer:
        body = environ["wsgi.input"].read(BODY_MAX_BYTES + 1)
        if len(body) > BODY_MAX_BYTES:
            return problem("body_too_large")
        try:
            hint = read_hint(body)
        except HintInvalid:
            return problem("invalid_body")
        if hint.job_type is not None and hint.job_type not in self._setup.allowlist:
            if hint.job_id is not None:
                self._reject(hint.job_id)
            return problem("job_type_not_allowed")
        self._line.wake()
        return json_answer(202, {"status": "accepted"})

    def _reject(self, job_id: UUID) -> None:
        """Record that we were told to run what we may not; the row's own type decides."""
        from worker.listener.rejections import reject  # seldom needed, and long to import

        reject(job_id, self._setup)

    def _health(self, _environ: Environ) -> Answer:
        return json_answer(200, {"status": "ok"})

    def _ready(self, environ: Environ) -> Answer:
        """Ask the runner itself; what exactly is wrong is told to those who hold the token."""
        state = self._line.state() or {"is_ready": False, "reason": "the runner does not answer"}
        details = state if self._has_token(environ) else {}
        if state["is_ready"]:
            return json_answer(200, {"status": "ready", **details})
        return problem("not_ready", **details)

    def _metrics(self, environ: Environ) -> Answer:
        if not self._has_token(environ) and not _is_local(environ):
            return problem("invalid_token")
        state = self._line.state()
        if state is None:
            return problem("not_ready")
        return Answer(200, render_metrics(state), CONTENT_TYPE)


def _is_local(environ: Environ) -> bool:
    """Say whether the request comes from this machine itself, not through a proxy on it."""
    if any(name in environ for name in _FORWARDING):
        return False
    try:
        return ipaddress.ip_address(environ.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
