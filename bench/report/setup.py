"""What was measured on, and with which settings: without it no figure means anything."""

from __future__ import annotations

from typing import Any

from bench.report.markdown import number, paragraphs, table
from bench.results import Results


def setup(record: Results) -> str:
    """Return machine, server, systems and their settings."""
    machine, postgres = record["machine"], record["postgres"]
    settings = ", ".join(f"`{name} = {value}`" for name, value in postgres["settings"].items())
    about = (
        f"Measured {record['taken_at'][:10]} ({record['mode']} run) at commit"
        f" `{machine['commit']}`: {machine['cores']} cores ({machine['cpu']}),"
        f" {number(machine['memory_gib'])} GiB, {machine['system']}, PostgreSQL"
        f" {postgres['version']}, Python {machine['python']}. Client, server, producers and workers"
        " share the cores."
    )
    rows = [_system(system) for system in record["systems"].values()]
    return paragraphs(
        about,
        f"Server settings: {settings}; the others as shipped.",
        table(
            [
                "system",
                "version",
                "tuned (1, 2, 5, 6, 13)",
                "default (3, 4, 9)",
                "records of a job",
            ],
            rows,
            words=5,
        ),
    )


def _system(system: dict[str, Any]) -> list[str]:
    version = f"left out: {system['skipped']}" if system["skipped"] else system["version"]
    if system["needs_python"]:
        version += f" (on Python {system['needs_python']}, which it needs)"
    return [system["label"], version, system["tuned"], system["default"], system["records"]]
