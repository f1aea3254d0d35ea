"""Reads settings.toml and the environment into checked `Settings`.

Nothing else in the product reads the environment. dynaconf merges the layers and runs the
validators; values of the environment reach it verbatim, because its own loader would parse them as
TOML and turn a key made of digits into a number.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dynaconf import Dynaconf, ValidationError, Validator

from config.setting import Process, Setting
from config.spec import SETTINGS, Settings
from config.values import ENVIRONMENTS, split_addresses

ROOT = Path(__file__).resolve().parent.parent
_SHORT_NAMES = {"dev": "development", "test": "testing", "prod": "production"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True}
_BOOLEANS |= {"false": False, "0": False, "no": False, "off": False}
_POSTGRES_REQUIRED = "PostgreSQL is required"


class _Wrong:
    """A value that could not be read as its type; no validator accepts it."""

    def __str__(self) -> str:
        return "a value of another type"


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables in force: the process environment over the file `.env`.

    An empty variable counts as not set, and hides the one in `.env`.
    """
    if environ is not None:
        return dict(environ)
    in_file = dotenv_values(ROOT / ".env", interpolate=False)
    return {**{name: value or "" for name, value in in_file.items()}, **os.environ}


def load_settings(process: Process, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `process`, all checked.

    "database" is what only migrates or inspects the schema; "cli" speaks to the API and needs
    nothing but defaults.

    Raises dynaconf's ValidationError naming every wrong setting at once, or ValueError where
    DATABASE_URL (or DATABASE_URL_DIRECT) is not a PostgreSQL address.
    """
    layers = load_layers(environ)
    problems = find_problems(process, layers)
    if problems:
        message = _message(problems)
        if any(_POSTGRES_REQUIRED in problem for problem in problems):
            raise ValueError(message)
        raise ValidationError(message, details=problems)
    return _build(layers)


def load_layers(environ: Mapping[str, str] | None = None) -> Dynaconf:
    """Return dynaconf's merged values (read as their types, not yet checked)."""
    variables = environment(environ)
    app_env = variables.get("APP_ENV", "")
    app_env = _SHORT_NAMES.get(app_env, app_env)
    layers = Dynaconf(
        settings_files=[str(ROOT / "settings.toml")],
        environments=True,
        env=app_env if app_env in ENVIRONMENTS else "default",
        core_loaders=["TOML"],
        loaders=[],
        load_dotenv=False,
    )
    known = {s.variable: variables[s.variable] for s in SETTINGS if variables.get(s.variable)}
    if app_env:
        known["APP_ENV"] = app_env
    if "VERCEL" in variables:
        known.setdefault("DATABASE_POOL_SIZE", "0")
    layers.update({"FROM_ENVIRONMENT": sorted(known)}, tomlfy=False)
    for setting in SETTINGS:
        value = known.get(setting.variable, layers.get(setting.variable, setting.default))
        layers.set(setting.variable, _read(setting, value), tomlfy=False)
    return layers


def source(layers: Dynaconf, setting: Setting) -> str:
    """Return where a value comes from: environment, settings.toml or default."""
    if setting.variable in layers.get("FROM_ENVIRONMENT"):
        return "environment"
    default = [*setting.default] if setting.type == "list" else setting.default
    return "default" if layers.get(setting.variable) == default else "settings.toml"


def find_problems(process: Process, layers: Dynaconf) -> list[str]:
    """Return one sentence for every wrong setting; none of them shows a secret."""
    production = layers.get("APP_ENV") == "production"
    for setting in SETTINGS:
        for validator in _validators(setting, process, production, source(layers, setting)):
            layers.validators.register(validator)
    problems = [str(error) for error in layers.validators.validate_all(raise_error=False)]
    runner_urls = split_addresses(layers.get("RUNNER_URL"))
    if production and not problems and not all(map(_is_safe_transport, runner_urls)):
        problems.append("RUNNER_URL must be https:// in production, unless it is on loopback.")
    if layers.get("RUNNER_HEARTBEAT_SECONDS", 0) * 3 > layers.get("RUNNER_LEASE_SECONDS", 0):
        problems.append("RUNNER_HEARTBEAT_SECONDS must be at most a third of RUNNER_LEASE_SECONDS.")
    return problems


def _validators(
    setting: Setting, process: Process, production: bool, origin: str
) -> list[Validator]:
    """Make dynaconf's validators of one declared setting."""
    needed = process in setting.needed_by
    needed = needed or (production and process in setting.needed_in_production_by)
    found = "a value that is not shown" if setting.secret else "{value}"
    wrong = (
        f"{setting.variable} (from {origin}): expected {setting.expected}, found {found}. "
        f"Example: {setting.variable}={setting.example}"
    )
    if setting.name.startswith("database_url"):
        wrong = f"{_POSTGRES_REQUIRED}: {wrong}"
    validators = [
        Validator(
            setting.variable,
            condition=lambda value: _accepts(setting, value),
            messages={"condition": wrong},
        )
    ]
    if needed:
        missing = (
            f"{setting.variable} is not set: {setting.help} "
            f"Example: {setting.variable}={setting.example}"
        )
        validators.append(
            Validator(
                setting.variable,
                condition=lambda value: value != "",
                messages={"condition": missing},
            )
        )
    if production and setting.production_length:
        short = (
            f"{setting.variable} (from {origin}) is too short for production: "
            f"{setting.production_length} characters or more. "
            'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
        validators.append(
            Validator(
                setting.variable,
                condition=lambda value: not value or len(value) >= setting.production_length,
                messages={"condition": short},
            )
        )
    return validators


def _accepts(setting: Setting, value: object) -> bool:
    if isinstance(value, _Wrong):
        return False
    if not value and not isinstance(value, int | float):
        return True
    return setting.accepts is None or setting.accepts(value)


def _read(setting: Setting, value: Any) -> Any:
    """Read a value of the environment (text) or of settings.toml (typed) as the declared type."""
    if setting.type == "list":
        parts = value.split(",") if isinstance(value, str) else list(value)
        return [str(part).strip() for part in parts if str(part).strip()]
    if setting.type == "bool":
        return value if isinstance(value, bool) else _BOOLEANS.get(str(value).lower(), _Wrong())
    if setting.type == "str":
        return value.strip() if isinstance(value, str) else _Wrong()
    try:
        return int(value) if setting.type == "int" else float(value)
    except (TypeError, ValueError):
        return _Wrong()


def _build(layers: Dynaconf) -> Settings:
    values = {setting.name: layers.get(setting.variable) for setting in SETTINGS}
    for name in ("database_url", "database_url_direct"):
        scheme, _, rest = values[name].partition("://")
        values[name] = f"postgresql://{rest}" if scheme == "postgres" else values[name]
    values["database_url_direct"] = values["database_url_direct"] or values["database_url"]
    values["runner_name"] = values["runner_name"] or socket.gethostname()
    values["runner_allowlist"] = tuple(values["runner_allowlist"])
    values["runner_handlers"] = tuple(values["runner_handlers"])
    return Settings(**values, sources={s.name: source(layers, s) for s in SETTINGS})


def _is_safe_transport(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")


def _message(problems: list[str]) -> str:
    count = "1 setting is wrong" if len(problems) == 1 else f"{len(problems)} settings are wrong"
    return "\n  - ".join([f"{count}:", *problems])
