"""The HTTP client of the control plane: one request, one answer, one exit code for each failure.

The key comes from the settings, is sent as X-Ops-Key and is never printed; redirects are not
followed, so that it goes to no other host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import click
import urllib3

from app.cli import exits
from app.cli.curl import curl_line
from app.cli.exits import CommandError
from app.cli.invocation import current
from app.cli.output import clean, emit_json, say

API = "/api/v1/ops"
_KEY_HINT = "set OPS_API_KEY in the environment or in .env"
_JOB_IS_REJECTED = "job_type_not_allowed"
_EXIT_CODES = {
    401: exits.AUTH,
    403: exits.AUTH,
    404: exits.NOT_FOUND,
    409: exits.CONFLICT,
    502: exits.UNREACHABLE,
    503: exits.UNREACHABLE,
    504: exits.UNREACHABLE,
}


class Unreachable(CommandError):
    """The control plane did not answer."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, exit_code=exits.UNREACHABLE, hint=hint)


class Refused(CommandError):
    """The control plane answered with an error; `problem` is its problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any], request_id: str) -> None:
        title = problem.get("detail") or problem.get("title") or "The control plane said no"
        code = exits.JOB_FAILED if problem.get("code") == _JOB_IS_REJECTED else None
        hint = _KEY_HINT if status == 401 else problem.get("hint")
        super().__init__(
            f"{title} ({status})",
            exit_code=code or _EXIT_CODES.get(status, exits.ERROR),
            hint=hint,
        )
        self.status = status
        self.problem = problem
        self.request_id = request_id

    def show(self, file: Any = None) -> None:
        """Print the error for a person, and under --json the whole problem document on stdout."""
        super().show(file)
        for item in self.problem.get("errors") or []:
            place = item.get("pointer") or item.get("parameter") or item.get("header") or ""
            say("  ", (place, "bold"), f" {item.get('detail', '')}")
        if self.problem.get("job_id"):
            say(("job:   ", "bold"), f"ops job show {self.problem['job_id']}")
        if self.request_id:
            say(("request: ", "dim"), (self.request_id, "dim"))
        if current().as_json:
            emit_json(self.problem)


@dataclass(frozen=True)
class Answer:
    """A successful answer, its body decoded."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class Client:
    """Talks to one control plane with one key."""

    url: str
    key: str = field(repr=False)
    timeout_seconds: float = 30
    show_curl: bool = False
    verbose: bool = False
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, repr=False)

    def close(self) -> None:
        """Close the connections."""
        self.pool.clear()

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Answer:
        """Read one resource; `query` leaves out what is None."""
        chosen = {name: value for name, value in (query or {}).items() if value is not None}
        return self.call("GET", f"{path}?{urlencode(chosen)}" if chosen else path)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a JSON body."""
        return self.call("POST", path, body={} if body is None else body, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; raise Refused or Unreachable where there is no 2xx answer."""
        url = f"{self.url.rstrip('/')}{path}"
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        extra = dict(headers or {})
        if text is not None:
            extra["Content-Type"] = "application/json"
        if self.show_curl:
            say(curl_line(method, url, body=text, headers=extra))
        response = self._send(method, url, text, extra)
        request_id = response.headers.get("X-Request-Id", "")
        if self.verbose:
            say((f"{method} {url} -> {response.status} {clean(request_id)}", "dim"))
        content = _decode(response.data)
        if not 200 <= response.status < 300:
            problem = content if isinstance(content, dict) else {}
            raise Refused(response.status, problem, clean(request_id))
        if content is None and response.data:
            raise CommandError(f"{url} does not answer like a control plane: it sent no JSON.")
        return Answer(response.status, response.headers, content)

    def _send(
        self, method: str, url: str, text: str | None, extra: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": "ops", "Accept": "application/json", **extra}
        if self.key:
            headers["X-Ops-Key"] = self.key
        try:
            return self.pool.request(
                method,
                url,
                body=None if text is None else text.encode(),
                headers=headers,
                timeout=urllib3.Timeout(total=self.timeout_seconds),
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise Unreachable(
                f"Nothing answers at {self.url}.",
                "start it here with `ops up`, or name another one with --url or OPS_URL",
            ) from None
        except urllib3.exceptions.TimeoutError:
            raise Unreachable(
                f"{self.url} did not answer within {self.timeout_seconds:g} s.",
                "ask again, or wait longer with `ops --timeout SECONDS ...`",
            ) from None
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(
                f"Cannot talk to {self.url}: {type(error).__name__}.", "ops doctor"
            ) from None


def client_from_settings() -> Client:
    """Return the client of this invocation: its URL and key come from options and settings."""
    from app.cli.chosen import load_address

    invocation = current()
    url, key = load_address(invocation.url)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise CommandError(
            f"{clean(url)} is not an http:// or https:// address.", exit_code=exits.USAGE
        )
    client = Client(
        url,
        key,
        timeout_seconds=invocation.timeout_seconds,
        show_curl=invocation.curl,
        verbose=invocation.verbose,
    )
    click.get_current_context().call_on_close(client.close)
    return client


def _decode(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None
