"""This engine: enqueued through `app.jobs`, run by `python -m worker`, woken by HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import Any

import urllib3

from app.cli.ports import free_ports
from app.db.connection import connect
from app.db.migrate import upgrade
from app.jobs import NewJob, enqueue, enqueue_many
from app.web.wakes import prepare, wake_all
from bench import listening
from bench.clients import post
from bench.figures import MILLISECOND
from bench.job_types import ALLOWLIST, JOB_TYPES
from bench.pacing import Timed, each
from bench.payload import payload
from bench.systems import CHUNK, QUEUE, Options, Ready

TOKEN = "bench-runner-token-of-this-machine"  # noqa: S105 - a loopback listener, for minutes
KEY = "bench-api-key-of-this-machine"
JOBS = "/api/v1/ops/jobs"
STAGES = ("started", "imported", "first", "second")
TUNED = {"RUNNER_SLOTS": "4", "RUNNER_THREAD_SLOTS": "8"}
_READY_SECONDS = 60.0
_WAKE_SECONDS = 2.0


class System:
    """Options: `slot` (thread or process), `look_seconds`, and `port` of a runner to be woken.

    `wake` says whether every enqueue waits for its wake-up ("each") or a thread sends them, those
    that came meanwhile as one ("apart"), as the threads of a control plane would. `variables` are
    further settings of what is started, `features` have tables besides the core, `sizes` are the
    jobs in a request to the control plane.
    """

    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._options = options
        self._is_news = threading.Event()
        if options.get("wake") == "apart" and "port" in options:
            threading.Thread(target=self._wake_apart, daemon=True).start()
        self._job_type = JOB_TYPES[options.get("slot", "process")]

    def install(self) -> None:
        upgrade(self._url, features=self._options.get("features", ()))

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        with connect(self._url) as connection:

            def enqueue_one(job: dict[str, Any]) -> None:
                self._prepare_wake()
                enqueue(connection, self._job_type, job, queue=QUEUE)
                self._wake()

            return each(enqueue_one, first, count, every_seconds=every_seconds, trace=trace)

    def enqueue_bulk(self, first: int, count: int, chunk: int = CHUNK) -> float:
        with connect(self._url) as connection:
            begin = time.monotonic()
            for start in range(first, first + count, chunk):
                numbers = range(start, min(start + chunk, first + count))
                enqueue_many(connection, [self._new(n) for n in numbers])
                self._wake()
            return time.monotonic() - begin

    def enqueue_named(self, jobs: list[dict[str, Any]]) -> None:
        """Enqueue jobs that differ in priority, queue or number, for the questions of order."""
        with connect(self._url) as connection:
            for start in range(0, len(jobs), CHUNK):
                enqueue_many(
                    connection,
                    [
                        NewJob(
                            job_type=JOB_TYPES[job.get("slot", "process")],
                            payload=payload(job["n"], trace=True),
                            queue=job.get("queue", QUEUE),
                            priority=job.get("priority", 5),
                        )
                        for job in jobs[start : start + CHUNK]
                    ],
                )

    def work(self, ready: Ready) -> None:
        (port,) = free_ports(1)
        runner = subprocess.Popen([sys.executable, "-m", "worker"], env=self._runner(port))
        _wait_until_ready(port, runner)
        ready(port=port)
        runner.wait()

    def serve(self, ready: Ready) -> None:
        port, server = listening.start(
            lambda port: [
                sys.executable, "-m", "app.cli", "serve", f"--port={port}",
                f"--workers={listening.WORKERS}", f"--threads={listening.THREADS}",
            ],
            self._control_plane(),
        )  # fmt: skip
        sizes = self._options.get("sizes", ())
        ready(port=port, requests={size: self._request(size) for size in sizes})
        server.wait()

    def start_cold(self) -> dict[str, Any]:
        """Start the function as a platform would; return how long each stage took, and its size."""
        begin_ns = time.monotonic_ns()
        done = subprocess.run(
            [sys.executable, "-m", "bench.cold", KEY],
            env=self._control_plane(),
            stdout=subprocess.PIPE,
            check=True,
        )
        told = json.loads(done.stdout)
        if told["statuses"] != ["201 CREATED"] * 2:
            raise RuntimeError(f"it answered {told['statuses']}")
        edges = [begin_ns, *(told[f"{stage}_ns"] for stage in STAGES)]
        stages = {
            stage: (end - begin) / MILLISECOND
            for stage, (begin, end) in zip(STAGES, pairwise(edges), strict=True)
        }
        return {
            **stages,
            "all": (told["first_ns"] - begin_ns) / MILLISECOND,
            "max_rss_bytes": told["max_rss_bytes"],
            "modules": told["modules"],
        }

    def _request(self, jobs: int) -> str:
        fields = {"job_type": self._job_type, "queue": QUEUE}
        content = [{**fields, "payload": payload(n)} for n in range(jobs)]
        if jobs == 1:
            return post(JOBS, {"X-Ops-Key": KEY}, content[0])
        return post(f"{JOBS}/batch", {"X-Ops-Key": KEY}, content)

    def _prepare_wake(self) -> None:
        """Connect to the runner while the job is committed, as the control plane does."""
        if self._wakes_each:
            prepare([self._runner_url], timeout_seconds=_WAKE_SECONDS)

    def _wake(self) -> None:
        """Wake the runner as the control plane does after a commit, if there is one to wake."""
        if self._options.get("wake") == "apart":
            self._is_news.set()
        elif self._wakes_each:
            self._send_wake()

    def _wake_apart(self) -> None:
        while self._is_news.wait():
            self._is_news.clear()
            self._send_wake()

    def _send_wake(self) -> None:
        wake_all([self._runner_url], TOKEN, timeout_seconds=_WAKE_SECONDS)

    @property
    def _wakes_each(self) -> bool:
        return "port" in self._options and self._options.get("wake") != "apart"

    @property
    def _runner_url(self) -> str:
        return f"http://127.0.0.1:{self._options.get('port')}"

    def _new(self, n: int) -> NewJob:
        return NewJob(job_type=self._job_type, payload=payload(n), queue=QUEUE)

    def _control_plane(self) -> dict[str, str]:
        wakes = {
            "RUNNER_ENABLED": "true",
            "RUNNER_URL": self._runner_url,
            "RUNNER_TOKEN_OUTBOUND": TOKEN,
        }
        return {
            **self._both(),
            "OPS_API_KEY": KEY,
            **(wakes if "port" in self._options else {}),
            **self._options.get("variables", {}),
        }

    def _runner(self, port: int) -> dict[str, str]:
        tuned = TUNED if self._options["profile"] == "tuned" else {}
        look = self._options.get("look_seconds")
        return {
            **self._both(),
            "LOG_LEVEL": "WARNING",
            "RUNNER_TOKEN": TOKEN,
            "RUNNER_PORT": str(port),
            "RUNNER_HANDLERS": "bench.handlers",
            "RUNNER_ALLOWLIST": ",".join(ALLOWLIST),
            **tuned,
            **({} if look is None else {"RUNNER_LOOK_SECONDS": str(look)}),
            **self._options.get("variables", {}),
        }

    def _both(self) -> dict[str, str]:
        return {
            **self._options["environment"],
            "APP_ENV": "production",
            "DATABASE_URL": self._url,
            "SECRET_KEY": "x" * 32,
        }


def _wait_until_ready(port: int, runner: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    pool = urllib3.PoolManager(retries=False, timeout=2)
    while time.monotonic() < deadline:
        if runner.poll() is not None:
            raise RuntimeError(f"the runner ended with {runner.returncode}")
        try:
            answer = pool.request(
                "GET", f"http://127.0.0.1:{port}/readyz", headers={"X-Runner-Token": TOKEN}
            )
            if answer.status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"the runner was not ready within {_READY_SECONDS:.0f} s")
