"""`ops bench`: measures this engine against its peers and its own raw SQL limit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from app.cli.chosen import given
from app.cli.exits import CommandError
from app.cli.local import alone_in
from app.cli.output import emit, say
from app.cli.postgres_programs import PostgresError
from bench import results
from bench.contenders import systems
from bench.remote import FOLDER
from bench.report.document import render, write_document
from bench.results import Results
from bench.run import SCENARIOS, run
from bench.server import serving
from bench.sizes import FULL, QUICK, Sizes

# What a measured process may see of the environment of who started the bench.
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


@click.command("bench")
@click.option("--quick", is_flag=True, help="Small numbers, under five minutes: a look, no record.")
@click.option(
    "--only",
    "scenarios",
    multiple=True,
    type=click.Choice(list(SCENARIOS)),
    help="A scenario to run; may be given several times [all].",
)
@click.option(
    "--systems",
    "chosen",
    multiple=True,
    type=click.Choice(list(systems())),
    help="A system to measure; may be given several times [all].",
)
@click.option("--repeats", type=click.IntRange(min=1), help="How often each case is measured.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Length of the idle and the snapshot scenario [10].",
)
@click.option(
    "--rows", type=click.IntRange(min=1), help="Size of the backlog scenario [1,000,000]."
)
@click.option(
    "--docs/--no-docs",
    "to_docs",
    default=None,
    help="Write docs/benchmarks.md [a full run of all systems does].",
)
@click.option(
    "--render",
    "record",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Measure nothing: write docs/benchmarks.md from this record.",
)
def bench_command(
    quick: bool,
    scenarios: tuple[str, ...],
    chosen: tuple[str, ...],
    repeats: int | None,
    minutes: float | None,
    rows: int | None,
    to_docs: bool | None,
    record: Path | None,
) -> None:
    """Measure this engine against its peers and its raw SQL limit.

    Makes a PostgreSQL server and an environment for each peer under .ops/bench, and keeps every
    single figure in bench/results.
    """
    if record is not None:
        _write(results.read(record))
        return
    sizes = _sizes(quick=quick, repeats=repeats, minutes=minutes, rows=rows)
    path = results.path_for(results.today(), sizes.mode, is_partial=bool(chosen))
    earlier = results.read(path) if path.exists() else None
    own = given()
    try:
        with alone_in(FOLDER), serving(_programs(own)) as server:
            found = run(
                server,
                sizes,
                scenarios=scenarios or tuple(SCENARIOS),
                chosen=chosen or tuple(systems()),
                environment={name: own[name] for name in _PASSED_ON if name in own},
                say=say,
                keep=lambda record: results.write(path, results.merged(earlier, record)),
            )
    except BlockingIOError:
        raise CommandError("Another bench runs here.", hint="wait for its end") from None
    except PostgresError as error:
        raise CommandError(str(error)) from None
    emit(render(found))
    say(("✓ ", "green"), f"{path.relative_to(results.FOLDER.parent.parent)}")
    if to_docs or (to_docs is None and not quick and not chosen):
        _write(results.read(path))


def _sizes(*, quick: bool, repeats: int | None, minutes: float | None, rows: int | None) -> Sizes:
    sizes = QUICK if quick else FULL
    changes: dict[str, float] = {}
    if repeats is not None:
        changes["repeats"] = repeats
    if minutes is not None:
        changes |= {"idle_seconds": minutes * 60, "snapshot_seconds": minutes * 60}
    if rows is not None:
        changes["backlog_rows"] = rows
    return dataclasses.replace(sizes, **changes)  # type: ignore[arg-type]


def _programs(variables: dict[str, str]) -> Path | None:
    folder = variables.get("POSTGRES_BIN")
    return Path(folder) if folder else None


def _write(record: Results) -> None:
    try:
        for path in write_document(record):
            say("wrote ", str(path))
    except ValueError as error:
        raise CommandError(str(error)) from None
