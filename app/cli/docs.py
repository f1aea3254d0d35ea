"""`ops docs`: writes the documents that are made from the code, or says which have aged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from app.cli.exits import CommandError
from app.cli.output import say
from config.documents import env_example, settings_page

ROOT = Path(__file__).resolve().parent.parent.parent
_WIDTH = 96


def cli_page() -> str:
    """Return the command line page of the reference: the help of every command."""
    from app.cli.root import PROGRAM, root

    lines = [
        "# Command line",
        "",
        "Made from the commands by `./ops docs`; edits here are lost.",
        "",
        "In a clone the command is `./ops`. Data goes to stdout, talk to stderr.",
    ]
    for path, text in _helps(root, PROGRAM, None):
        lines += ["", f"## `{path}`", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


DOCUMENTS: dict[str, Callable[[], str]] = {
    ".env.example": env_example,
    "docs/reference/settings.md": settings_page,
    "docs/reference/cli.md": cli_page,
}


@click.command("docs")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail where one has aged.")
def docs_command(only_check: bool) -> None:
    """Write the documents that are made from the code."""
    aged = [path for path, make in DOCUMENTS.items() if _text(ROOT / path) != make()]
    if only_check and aged:
        raise CommandError(f"Not what the code says: {', '.join(aged)}.", hint="./ops docs")
    for path in aged:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(DOCUMENTS[path](), encoding="utf-8")
        say("wrote ", path)
    say(("✓ ", "green"), f"{len(DOCUMENTS)} documents say what the code does")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _helps(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[tuple[str, str]]:
    """Yield the path and the help of a command and of all below it."""
    ctx = command.make_context(name, [], parent=parent, resilient_parsing=True)
    ctx.max_content_width = ctx.terminal_width = _WIDTH
    yield ctx.command_path, "\n".join(line.rstrip() for line in ctx.get_help().splitlines())
    if isinstance(command, click.Group):
        for child in command.list_commands(ctx):
            found = command.get_command(ctx, child)
            if found is not None:
                yield from _helps(found, child, ctx)
