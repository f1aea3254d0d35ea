"""Writes the documents that are made from the declaration: `.env.example` and the settings page."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from config.setting import Setting
from config.spec import SETTINGS

_NOTES = {
    "everywhere": "Every process reads these.",
    "flags": "All off by default; settings.toml turns them on in the development environment.",
    "control plane": "The Flask application, on Vercel or under gunicorn.",
    "runner": "The daemon that runs the jobs.",
    "handlers": "Given to handlers as `job.settings`; never a secret.",
    "cli": "The ops command on the machine of a person.",
}


def env_example() -> str:
    """Return the text of `.env.example`: every variable, the optional ones commented out."""
    lines = [
        "# Copy to .env (mode 0600) or let ./ops init make one with strong secrets.",
        "# Made from config/spec.py by ./ops docs; edits here are lost.",
    ]
    for group, settings in _groups():
        lines += ["", f"# -- {group}: {_NOTES[group]}"]
        for setting in settings:
            comment = "" if setting.needed_by else "# "
            lines += [f"# {setting.help}", f"{comment}{setting.variable}={setting.example}"]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Return the settings page of the reference, in Markdown."""
    lines = [
        "# Settings",
        "",
        "Made from `config/spec.py` by `./ops docs`; edits here are lost.",
        "",
        "Values come from the environment, then `.env`, then `settings.toml` for the environment",
        "named by `APP_ENV`, then the default. An empty variable counts as not set. All wrong",
        "settings are reported at once when a process starts; `./ops config check` does the same.",
        "Secrets have no default and are never shown, not even their length.",
    ]
    for group, settings in _groups():
        lines += ["", f"## {group[0].upper()}{group[1:]}", "", _NOTES[group], ""]
        lines += ["| variable | type | default | what it is |", "|---|---|---|---|"]
        lines += [_row(setting) for setting in settings]
    return "\n".join(lines) + "\n"


def _groups() -> list[tuple[str, list[Setting]]]:
    return [(group, list(members)) for group, members in groupby(SETTINGS, lambda s: s.group)]


def _row(setting: Setting) -> str:
    needs = [f"needed by {_names(setting.needed_by)}"] if setting.needed_by else []
    if setting.needed_in_production_by:
        needs.append(f"needed in production by {_names(setting.needed_in_production_by)}")
    if setting.production_length:
        needs.append(f"{setting.production_length} characters or more in production")
    kind = "secret" if setting.secret else setting.type + (f", {setting.unit}" * bool(setting.unit))
    words = " ".join([setting.help, *(f"*{need[0].upper()}{need[1:]}.*" for need in needs)])
    return f"| `{setting.variable}` | {kind} | {_default(setting.default)} | {words} |"


def _names(processes: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", " ") for name in processes)


def _default(value: Any) -> str:
    if value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
