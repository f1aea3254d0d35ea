"""The routes of an app: each view once, under its canonical address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from app.web.auth import Credential, credential_for
from app.web.headers import ALIAS


@dataclass(frozen=True, slots=True)
class Route:
    """`path` has its parameters in braces, as OpenAPI writes them."""

    method: str
    path: str
    parameters: tuple[str, ...]
    view: Callable[..., Any]
    credential: Credential | None


def documented_routes(app: Flask) -> Iterator[Route]:
    """Yield every route but the aliases, in the order of registration."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(ALIAS):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            yield Route(
                method=method,
                path=rule.rule.replace("<", "{").replace(">", "}"),
                parameters=tuple(sorted(rule.arguments)),
                view=app.view_functions[rule.endpoint],
                credential=credential_for(rule.rule),
            )
