"""The runner's listener behind TLS, with the Caddyfile of the how-to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import urllib3

from app.cli import bound_child
from app.cli.ports import free_ports
from scripts.programs import Missing, find_caddy
from tests.runners import TOKEN, Runner, running
from tests.waiting import wait_until

CADDYFILE = Path(__file__).parents[2] / "docs" / "how-to" / "files" / "Caddyfile"
# A certificate authority of its own, and nothing that reaches beyond the folder of the test.
GLOBAL = """\
{{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
	storage file_system {folder}
}}
"""


@contextmanager
def proxied(runner: Runner, folder: Path) -> Iterator[tuple[str, urllib3.PoolManager]]:
    """Run Caddy before the runner; yield its address and a client that trusts its certificate."""
    try:
        caddy = find_caddy(may_fetch=False)
    except Missing as missing:
        pytest.skip(str(missing))
    (port,) = free_ports(1)
    text = CADDYFILE.read_text(encoding="utf-8")
    text = text.replace("runner.example.com", f"https://localhost:{port}")
    text = text.replace("127.0.0.1:8010", runner.url.removeprefix("http://"))
    configuration = folder / "Caddyfile"
    configuration.write_text(GLOBAL.format(folder=folder) + text)
    root = folder / "pki" / "authorities" / "local" / "root.crt"
    bound = [sys.executable, "-I", "-S", bound_child.__file__, str(os.getpid())]
    command = [*bound, str(caddy), "run", "--config", str(configuration), "--adapter", "caddyfile"]
    with (
        open(folder / "caddy.log", "wb") as log,
        subprocess.Popen(command, env={"HOME": str(folder)}, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until(root.exists, message="Caddy has made its authority")
            url, client = f"https://localhost:{port}", urllib3.PoolManager(ca_certs=str(root))
            wait_until(lambda: answers(client, url), message="Caddy has made its certificate")
            yield url, client
        finally:
            process.terminate()
            process.wait(10)


def answers(client: urllib3.PoolManager, url: str) -> bool:
    with suppress(urllib3.exceptions.HTTPError):
        return client.request("GET", url, retries=False).status == 404
    return False


def test_wake_ups_come_through_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    with (
        running(database_url) as runner,
        proxied(runner, tmp_path) as (url, client),
    ):

        def status(method: str, path: str, token: str = TOKEN, body: bytes = b"{}") -> int:
            headers = {"X-Runner-Token": token}
            return client.request(method, f"{url}{path}", headers=headers, body=body).status

        assert status("POST", "/runner/wake") == 202
        assert status("POST", "/runner/wake", token="wrong") == 401
        assert status("POST", "/runner/wake", body=b"x" * 20_000) == 413
        for path in ("/", "/healthz", "/readyz", "/metrics", "/runner/wake/", "/runner/../metrics"):
            assert status("GET", path) == 404
