"""What README and docs say is what the code does: links, names, tables, commands, limits."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import click
import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from app.cli.root import root
from app.db.metadata import metadata
from app.db.tables import ops_jobs
from app.jobs.states import EVENT_KINDS, TRANSITIONS, Status
from app.web import create_app
from app.web.errors import KINDS
from app.web.headers import CANONICAL
from app.web.routes import documented_routes
from config import SETTINGS, load_settings
from worker import backoff, context, handlers, payloads, results, settle
from worker.listener import answers
from worker.listener.metrics import render_metrics
from worker.slots import output, runs

GENERATED = {Path("docs/reference/cli.md"), Path("docs/reference/settings.md")}
PAGES = [Path("README.md"), Path("CHANGELOG.md"), *sorted(Path("docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page not in GENERATED]
# Names in capitals that are no settings: of the code, of the system, of other programs.
OTHER_NAMES = {"JOB_ID", "JOB_TYPE", "EVENT_KINDS", "RLIMIT_AS", "RLIMIT_DATA"}

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_CAPITALS = re.compile(r"(?<![\w{])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_OPS = re.compile(r"(?:^|[`(|] *|&& |sudo |\$ )(?:\./)?ops((?: [a-z]+)+)", re.MULTILINE)
_OPS_PATH = re.compile(r"/api/(?:v1/)?ops/[a-z_]+(?:/[\w{}-]+)*")
# Its slowest request may well be for what is not there.
_BAD_INPUT = re.compile(r"<!-- bench: corpus -->.*?<!-- end -->", re.DOTALL)


def name(page: Path) -> str:
    return str(page)


def text_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return what stands below the heading `title`, up to the next of its level."""
    match = re.search(
        rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert match is not None, f"there is no heading {title!r}"
    return match.group(2)


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of the body rows of every table."""
    for line in _FENCE.sub("", text).splitlines():
        if line.startswith("|") and not line.startswith("|-"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0].startswith("`") or "`/" in line:
                yield cells


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def control_plane() -> Flask:
    environment = {
        "APP_ENV": "testing",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "SECRET_KEY": "x" * 32,
    }
    return create_app(load_settings("control_plane", environment))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(linked), f"{target}: there is no such heading"


def test_every_page_is_in_the_index() -> None:
    linked = {
        (Path("docs") / target).resolve() for target in _LINK.findall(text_of("docs/index.md"))
    }
    missing = [page for page in Path("docs").rglob("*.md") if page.resolve() not in linked]
    assert [page for page in missing if page != Path("docs/index.md")] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {setting.variable for setting in SETTINGS} | OTHER_NAMES
    assert set(_CAPITALS.findall(page.read_text())) <= known


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    for words in _OPS.findall(page.read_text()):
        command: click.Command = root
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"there is no command ops{words}"
            command = found


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_route_that_is_named_exists(page: Path) -> None:
    urls = control_plane().url_map.bind("localhost")
    for path in _OPS_PATH.findall(_BAD_INPUT.sub("", page.read_text())):
        try:
            urls.match(path.replace("{job_id}", str(uuid4())), method="GET")
        except MethodNotAllowed:
            pass
        except NotFound:
            pytest.fail(f"{path} does not exist")


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/reference/http-api.md"])
def test_the_list_of_routes_is_complete(page: str) -> None:
    found = {
        (method, names_in(path)[0])
        for method, path, *_ in rows(text_of(page))
        if method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    }
    routes = {(route.method, route.path) for route in documented_routes(control_plane())}
    assert found == routes
    assert any(path.startswith(CANONICAL) for _, path in found)


def test_the_states_are_those_of_the_code() -> None:
    page = text_of("docs/reference/states.md").partition("## Verbs")[0]
    assert [names_in(state)[0] for state, *_ in rows(page)] == [str(status) for status in Status]


def test_the_verbs_are_those_of_the_code() -> None:
    documented = {
        names_in(verb)[0]: tuple(tuple(names_in(cell)) for cell in cells[:3])
        for verb, *cells in rows(section(text_of("docs/reference/states.md"), "Verbs"))
    }
    assert documented == {verb: tuple(map(tuple, each)) for verb, each in TRANSITIONS.items()}


def test_the_event_kinds_are_those_of_the_code() -> None:
    documented = {
        names_in(kind)[0]: verbs.split(", ")
        for kind, verbs, *_ in rows(section(text_of("docs/reference/events.md"), "Kinds"))
    }
    by_kind = {
        kind: [verb for verb, each in TRANSITIONS.items() if kind in each.events]
        for kind in EVENT_KINDS
    }
    assert documented == by_kind


def test_the_data_of_events_is_what_the_code_writes() -> None:
    sources = [
        *Path("app/jobs/sql").glob("*.sql"),
        Path("worker/outbox.py"),
        Path("worker/context.py"),
    ]
    written = "".join(source.read_text() for source in sources)
    for kind, _, _, data in rows(section(text_of("docs/reference/events.md"), "Kinds")):
        for key in names_in(data):
            assert f"'{key}'" in written or f'"{key}"' in written, f"{kind} has no {key}"


def test_the_error_codes_are_those_of_the_code() -> None:
    page = text_of("docs/reference/error-codes.md").partition("## Warnings")[0]
    documented = {names_in(code)[0]: int(status) for code, status, _ in rows(page)}
    assert documented == {code: kind.status for code, kind in KINDS.items()}


def test_the_answers_of_the_listener_are_those_of_the_code() -> None:
    page = section(text_of("docs/reference/runner-listener.md"), "Errors")
    documented = {names_in(code)[0]: int(status) for code, status, _ in rows(page)}
    assert documented == {code: status for code, (status, _) in answers._DETAILS.items()}


def test_the_metrics_of_the_listener_are_those_of_the_code() -> None:
    page = section(text_of("docs/reference/runner-listener.md"), "Metrics")
    state = {"jobs": [["running", "test_job", 1]], "last_look_seconds": 1.0, "wakes": 1}
    state |= dict.fromkeys(("slots", "running", "is_ready", "database_reachable"), 1)
    rendered = re.findall(r"^# TYPE (\w+)", render_metrics(state).decode(), re.MULTILINE)
    assert [names_in(name)[0] for name, _ in rows(page)] == rendered


@pytest.mark.parametrize(
    ("title", "pattern", "modules"),
    [
        ("Warnings", r'code="(\w+)"', ["app/web/known_types.py", "app/web/waking.py"]),
        ("Why a job waits", r'WaitingReason\(\s*"(\w+)"', ["app/jobs/waiting.py"]),
    ],
)
def test_the_other_codes_are_those_of_the_code(
    title: str, pattern: str, modules: list[str]
) -> None:
    documented = [
        names_in(code)[0]
        for code, *_ in rows(section(text_of("docs/reference/error-codes.md"), title))
    ]
    raised = [code for module in modules for code in re.findall(pattern, text_of(module))]
    assert sorted(documented) == sorted(set(raised))


def test_the_tables_have_the_columns_of_the_code() -> None:
    page = text_of("docs/reference/sql.md")
    core = [table for table in metadata.sorted_tables if table.name.startswith("ops_")]
    assert ops_jobs in core
    for table in core:
        documented = {names_in(column)[0] for column, *_ in rows(section(page, f"`{table.name}`"))}
        assert documented == set(table.columns.keys()), table.name


def test_the_layout_exists_and_leaves_out_no_package() -> None:
    block = re.search(
        r"```text\n(.*?)```", section(text_of("docs/architecture.md"), "Layout"), re.DOTALL
    )
    assert block is not None
    named = [line.split()[0] for line in block.group(1).splitlines()]
    assert [path for path in named if not Path(path).exists()] == []
    packages = {f"{init.parent}/" for init in Path("app").glob("*/__init__.py")}
    assert packages <= set(named)


@pytest.mark.parametrize(
    "number",
    [
        payloads.PAYLOAD_MAX_BYTES,
        results.RESULT_MAX_BYTES,
        results.RESULT_MAX_DEPTH,
        context.MESSAGE_MAX_BYTES,
        output.OUTPUT_MAX_BYTES,
        runs.LOGS_PER_RUN,
        int(backoff.BASE_SECONDS),
        int(backoff.CAP_SECONDS),
        settle.DEFAULT_MAX_ATTEMPTS,
    ],
)
def test_the_limits_of_handlers_are_those_of_the_code(number: int) -> None:
    assert re.search(rf"\b{number:,}\b", text_of("docs/reference/handlers.md"))


def test_the_options_of_handlers_are_those_of_the_code() -> None:
    page = section(text_of("docs/reference/handlers.md"), "The decorator")
    documented = [name for argument, *_ in rows(page) for name in names_in(argument)]
    assert sorted(documented) == sorted(inspect.signature(handlers.handler).parameters)


HANDLER_SNIPPETS = [
    (page, code)
    for page in WRITTEN
    for code in re.findall(r"^ *```python\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    if "@handler(" in code
]


@pytest.mark.parametrize(
    ("page", "code"), HANDLER_SNIPPETS, ids=[str(p) for p, _ in HANDLER_SNIPPETS]
)
def test_a_handler_in_the_docs_registers(
    page: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "HANDLERS", {})
    exec(compile(textwrap.dedent(code), str(page), "exec"), {"__name__": "snippet"})
    assert len(handlers.HANDLERS) == 1
