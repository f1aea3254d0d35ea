"""`ops demo`: real jobs on real processes, told step by step, then everything stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click

from app.captorator.job_type import JOB_TYPE as CAPTORATOR
from app.cli import exits
from app.cli.chosen import given
from app.cli.client import API, Client
from app.cli.curl import curl_line
from app.cli.demo_feeds import DemoFeeds, serve_demo_feeds
from app.cli.demo_rows import emit_events, emit_rows
from app.cli.exits import CommandError
from app.cli.local import RUN_FOLDER, alone_in, shown
from app.cli.output import emit, json_text
from app.cli.ports import free_ports
from app.cli.results import emit_result
from app.cli.stack import HOST, Stack, StopRequested
from app.cli.starting import held, stack_variables, start
from app.cli.steps import step
from app.cli.stopping import StopRequest
from app.cli.watching import Job, event_line, follow, outcome_line

_MOST_DEMOS = 20
_JOBS_SECONDS = 60
_TITLES = {
    "nearsight_collect_refresh": "The headlines, ranked",
    "captorator_compose": "The caption",
    "metrics_refresh": "The numbers of the pages",
}
# What the demo needs, whatever .env says: its jobs, and feeds on loopback.
_FLAGS = ("NEARSIGHT_ENABLED", "CAPTORATOR_ENABLED", "FEATURE_METRICS", "RUNNER_ENABLED")
_OWN_SETTINGS = dict.fromkeys((*_FLAGS, "FETCH_PRIVATE_HOSTS"), "true") | {
    "RUNNER_ALLOWLIST": ",".join(_TITLES),
    "RUNNER_HOST": HOST,
}


@click.command()
@click.option(
    "--data", "given_folder", type=click.Path(file_okay=False, path_type=Path),
    help="The folder of database, logs and secrets [.ops/demo, or the next that is free].",
)  # fmt: skip
def demo_command(given_folder: Path | None) -> None:
    """Watch real jobs run: HTTP request, row, wake-up, claim, handler, events, result.

    Everything runs on this machine, on free ports, offline too, and is stopped at the end.
    DATABASE_URL set: that database is used.
    """
    if given().get("APP_ENV", "").startswith("prod"):
        raise CommandError(
            "APP_ENV is production, and the demo creates jobs.",
            hint="run it elsewhere, or with APP_ENV=development and a database for trying things",
        )
    started_at = time.monotonic()
    holding = held(given_folder.resolve()) if given_folder else _free_folder()
    with StopRequest() as stop, holding as folder, serve_demo_feeds() as feeds:
        port, runner_port = free_ports(2)
        own = {**_OWN_SETTINGS, "RUNNER_URL": f"http://{HOST}:{runner_port}"}
        variables = stack_variables(folder, port=port, runner_port=runner_port, overrides=own)
        stack = Stack(folder, variables, stop)
        try:
            _tell(stack, port, feeds)
        except StopRequested:
            raise click.Abort from None
        finally:
            _chapter(7, "Stop everything")
            stack.stop()
    emit()
    emit(("✓ ", "green"), (f"Done in {time.monotonic() - started_at:.1f} s.", "bold"))
    emit("  ./ops up       start it and keep it, with its database")
    emit("  ./ops --help   everything else")


def _tell(stack: Stack, port: int, feeds: DemoFeeds) -> None:
    _chapter(1, "Start PostgreSQL, the control plane and the runner")
    url = start(stack, port)
    with step("demo feeds") as running:
        running.detail = f"{len(feeds.sources)} sources, one of them slow, one broken"
    bodies = _bodies(feeds)
    with closing(Client(url, stack.variables["OPS_API_KEY"])) as client:
        _chapter(2, "Create jobs through the HTTP API")
        created = [_create(client, body) for body in bodies]
        _chapter(3, "Watch them run")
        jobs = _watch(client, created, stack)
    _require_success(jobs, stack)
    _chapter(4, "Read what came of them")
    for job in jobs:
        emit()
        emit("  ", (_TITLES[job["job_type"]], "bold"))
        emit_result(job["job_type"], job["result"])
    _chapter(5, "The same with curl, while `./ops up` runs")
    _emit_curl(bodies)
    _chapter(6, "What is recorded in the database")
    emit_rows(stack.variables["DATABASE_URL"])
    emit()
    emit_events(stack.variables["DATABASE_URL"], jobs[0]["id"])


def _bodies(feeds: DemoFeeds) -> list[dict[str, Any]]:
    payloads: dict[str, Any] = {
        "nearsight_collect_refresh": {"sources": feeds.sources, "limit": 10},
        CAPTORATOR.name: CAPTORATOR.example,
        "metrics_refresh": {"url": feeds.metrics_url},
    }
    return [
        {"job_type": job_type, "payload": payload, "requested_by": "ops demo"}
        for job_type, payload in payloads.items()
    ]


def _create(client: Client, body: dict[str, Any]) -> Job:
    answer = client.post(f"{API}/jobs", body)
    job: Job = answer.body
    wake = (job.get("wake") or {}).get("status", "not sent")
    emit(
        f"  POST {API}/jobs  ", (str(answer.status), "green"),
        f"  {job['job_type']:<26} {job['id']}  wake-up {wake}",
    )  # fmt: skip
    for warning in job["warnings"]:
        emit(("  ! ", "yellow"), warning["detail"])
    return job


def _watch(client: Client, created: list[Job], stack: Stack) -> list[Job]:
    """Print the events of all jobs as they come; return the final jobs."""
    final: dict[str, Job] = {}
    for job, event in follow(client, [job["id"] for job in created], timeout_seconds=_JOBS_SECONDS):
        stack.check()
        if event is None:
            final[job["id"]] = job
        else:
            emit(f"  {job['job_type']:<26}", *event_line(created[0], event))
    emit()
    jobs = [final[job["id"]] for job in created]
    for job in jobs:
        emit(f"  {job['job_type']:<26}  ", *outcome_line(job))
    return jobs


def _require_success(jobs: list[Job], stack: Stack) -> None:
    """Raise CommandError where a job did not succeed, with what the processes said."""
    bad = [job for job in jobs if job["status"] != "succeeded"]
    if not bad:
        return
    for child in stack.children:
        emit()
        emit((f"  The end of {shown(child.log)}", "bold"))
        for line in child.last_words():
            emit(f"  {line}")
    names = ", ".join(f"{job['job_type']} is {job['status']}" for job in bad)
    raise CommandError(
        f"Not every job succeeded: {names}.",
        exit_code=exits.JOB_OUTCOMES[bad[0]["status"]],
        hint=f"logs in {shown(stack.folder / 'logs')}",
    )


def _emit_curl(bodies: list[dict[str, Any]]) -> None:
    base = f"http://{HOST}:8000{API}"
    headers = {"Content-Type": "application/json"}
    emit("  export OPS_API_KEY=$(./ops config get OPS_API_KEY)")
    caption = json_text({"job_type": bodies[1]["job_type"], "payload": bodies[1]["payload"]})
    emit("  ", curl_line("POST", f"{base}/jobs", body=caption, headers=headers))
    headlines = json_text({"job_type": bodies[0]["job_type"], "payload": {}})
    emit("  ", curl_line("POST", f"{base}/trigger_runner", body=headlines, headers=headers))
    emit("  ", curl_line("GET", f"{base}/jobs"))
    emit("  ", curl_line("GET", f"{base}/jobs/JOB_ID/events"))


def _chapter(number: int, title: str) -> None:
    emit()
    emit((f"{number}  {title}", "bold cyan"))


@contextmanager
def _free_folder() -> Iterator[Path]:
    """Hold a folder that no other demo uses at this moment."""
    for number in range(1, _MOST_DEMOS + 1):
        folder = RUN_FOLDER / ("demo" if number == 1 else f"demo-{number}")
        with ExitStack() as held:
            try:
                held.enter_context(alone_in(folder))
            except BlockingIOError:
                continue
            yield folder
            return
    raise CommandError(f"{_MOST_DEMOS} demos run already.")
