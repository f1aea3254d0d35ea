"""The declaration of one variable: what is known of it, and the three ways to declare one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from config.values import is_header_text

Process = Literal["control_plane", "runner", "database", "cli"]


@dataclass(frozen=True)
class Setting:
    """What is known of one variable; `expected` and `example` speak to the person who sets it."""

    name: str
    type: str
    default: Any
    help: str
    group: str
    expected: str
    example: str
    unit: str = ""
    secret: bool = False
    flag: bool = False
    needed_by: tuple[Process, ...] = ()
    needed_in_production_by: tuple[Process, ...] = ()
    accepts: Callable[[object], bool] | None = None
    production_length: int = 0
    for_handlers: bool = False

    @property
    def variable(self) -> str:
        """The name in the environment and in settings.toml."""
        return self.name.upper()


def setting(default: Any, help: str, *, expected: str, example: str, **rest: Any) -> Any:
    """Declare a field of the settings; the rest are fields of `Setting`."""
    metadata = {"help": help, "expected": expected, "example": example, **rest}
    return field(default=default, repr=not rest.get("secret", False), metadata=metadata)


def flag(help: str) -> Any:
    """Declare a feature flag, which is off by default."""
    return setting(False, help, expected="true or false", example="true", flag=True, group="flags")


def secret(help: str, *, group: str, example: str, **rest: Any) -> Any:
    """Declare a secret that is sent in a header."""
    return setting(
        "", help, expected="printable characters without spaces", example=example, secret=True,
        accepts=is_header_text, group=group, **rest,
    )  # fmt: skip
