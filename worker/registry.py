"""Which handlers a runner has and which job types it may run: a row never names code."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.handlers import HANDLERS, HandlerSpec, handler
from worker.slots.kinds import Kind, kind_of

if TYPE_CHECKING:
    from config import Settings

__all__ = [
    "HandlerSpec",
    "Registry",
    "RegistryError",
    "handler",
    "import_handlers",
    "load_registry",
]

TEST_JOB = "test_job"
_TEST_JOB_MODULE = "worker.handlers.test_job"

# job type -> (module, the flag that gates it)
BUILT_IN = {
    "nearsight_collect_refresh": ("worker.handlers.nearsight", "nearsight_enabled"),
    "captorator_compose": ("worker.handlers.captorator", "captorator_enabled"),
    "metrics_refresh": ("worker.handlers.metrics", "feature_metrics"),
}


class RegistryError(Exception):
    """A handler module cannot be used; the runner does not start with half of its handlers."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The handlers in force; `left_out` says why a type of RUNNER_ALLOWLIST will not run here."""

    specs: Mapping[str, HandlerSpec]
    allowlist: tuple[str, ...]
    left_out: Mapping[str, str]
    modules: tuple[str, ...]

    @property
    def kinds(self) -> dict[Kind, tuple[str, ...]]:
        """The allowed job types by the kind of slot that they run in."""
        found: dict[Kind, list[str]] = {}
        for job_type in self.allowlist:
            found.setdefault(kind_of(self.specs[job_type]), []).append(job_type)
        return {kind: tuple(job_types) for kind, job_types in found.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Every registered job type, allowed or not."""
        return tuple(sorted(self.specs))


def load_registry(settings: Settings) -> Registry:
    """Import the handlers that `settings` enable and work out the effective allowlist.

    Raises RegistryError where a module cannot be imported or registers badly.
    """
    has_test_job = settings.app_env in ("development", "testing")
    modules = [module for module, flag in BUILT_IN.values() if getattr(settings, flag)]
    modules += [_TEST_JOB_MODULE] if has_test_job else []
    modules += settings.runner_handlers
    specs = import_handlers(modules)
    wanted = [*settings.runner_allowlist, *([TEST_JOB] if has_test_job else [])]
    allowlist = tuple(name for name in dict.fromkeys(wanted) if name in specs)
    left_out = {name: _reason(settings, name) for name in wanted if name not in specs}
    return Registry(specs, allowlist, left_out, tuple(modules))


def import_handlers(modules: Iterable[str]) -> dict[str, HandlerSpec]:
    """Import `modules` and return what is registered then, by job type.

    A built-in that something else imported but that is not asked for stays out.
    """
    modules = tuple(modules)
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            message = f"handler module {module}: {type(error).__name__}: {error}"
            raise RegistryError(message) from error
    unasked = {_TEST_JOB_MODULE, *(module for module, _ in BUILT_IN.values())} - {*modules}
    return {
        name: spec for name, spec in HANDLERS.items() if spec.function.__module__ not in unasked
    }


def _reason(settings: Settings, name: str) -> str:
    if name == TEST_JOB:
        return "it runs in development and testing only"
    if name in BUILT_IN and not getattr(settings, flag := BUILT_IN[name][1]):
        return f"its feature is off ({flag.upper()})"
    return "no handler is registered under this name"
