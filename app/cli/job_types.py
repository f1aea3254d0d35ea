"""`ops types`: the job types of the control plane, with what each takes."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from typing import Any

import click

from app.cli import exits
from app.cli.client import API, client_from_settings
from app.cli.exits import CommandError
from app.cli.invocation import client_options, current
from app.cli.output import emit, emit_json, emit_table, json_text


@click.command()
@click.argument("job_type", required=False)
@client_options
def types_command(job_type: str | None) -> None:
    """List the job types, or show what JOB_TYPE takes and gives."""
    types = client_from_settings().get(f"{API}/types").body["data"]
    if job_type is not None:
        _show(_named(types, job_type))
    elif current().as_json:
        emit_json(types)
    else:
        emit_table(
            ("TYPE", "SWITCHED", "WHAT IT DOES"),
            [(item["name"], _switch(item), item["summary"]) for item in types],
        )


def _named(types: list[dict[str, Any]], name: str) -> dict[str, Any]:
    known = {item["name"]: item for item in types}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    raise CommandError(
        f"This control plane knows no job type {name}.",
        exit_code=exits.NOT_FOUND,
        hint=f"did you mean {near[0]}?" if near else "ops types",
    )


def _show(item: dict[str, Any]) -> None:
    if current().as_json:
        emit_json(item)
        return
    emit((item["name"], "bold"), f"  {item['summary']}")
    emit("switched      ", _switch(item))
    for title, schema in (("payload", item["payload_schema"]), ("result", item["result_schema"])):
        emit()
        fields = schema.get("properties", {})
        required = schema.get("required", [])
        if not fields:
            emit((title, "bold"), "  no fields")
            continue
        rows = [
            (name, _type_words(field), "required" if name in required else "",
             field.get("description", ""))
            for name, field in fields.items()
        ]  # fmt: skip
        emit_table((title.upper(), "TYPE", "", ""), rows)
    example = json_text(item["example"])
    emit()
    emit(("try it", "bold"))
    emit(f"  ops job create {item['name']} --payload {shlex.quote(example)} --wait")


def _switch(item: dict[str, Any]) -> tuple[str, str]:
    if item["enabled"]:
        return ("on", "green")
    return (f"off ({item['flag']})", "yellow")


def _type_words(field: dict[str, Any]) -> str:
    """Return a JSON Schema type in a word or two."""
    if "anyOf" in field:
        return " or ".join(_type_words(option) for option in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array":
        return f"list of {_type_words(field.get('items', {}))}"
    return str(field.get("type", "any"))
