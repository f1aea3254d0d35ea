"""The control plane: a Flask app made from settings. One module for each resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, request

from app.db.engine import make_engine
from app.web import (
    again,
    batch,
    cron,
    debug,
    docs,
    error_handlers,
    events,
    health,
    job_types,
    jobs,
    queues,
    request_log,
    runners,
    schedule_run,
    schedules,
    stats,
    trigger,
)
from app.web.auth import credential_for, require
from app.web.headers import ALIAS, CANONICAL, add_headers
from app.web.plane import EXTENSION, ControlPlane
from app.web.strict_json import MAX_BYTES

if TYPE_CHECKING:
    from app.jobs.types import JobTypes
    from config import Settings

OPEN: tuple[Blueprint, ...] = (health.blueprint, docs.blueprint)
OPS: tuple[Blueprint, ...] = (
    jobs.blueprint,
    batch.blueprint,
    events.blueprint,
    again.blueprint,
    trigger.blueprint,
    runners.blueprint,
    queues.blueprint,
    schedules.blueprint,
    schedule_run.blueprint,
    cron.blueprint,
    job_types.blueprint,
    stats.blueprint,
    debug.blueprint,
)


def create_app(settings: Settings, *, job_types: JobTypes | None = None) -> Flask:
    """Return the control plane. `job_types` are those whose payloads it checks and lists."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES  # the reader sets another for a longer body
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = ControlPlane(
        settings=settings,
        job_types=job_types or {},
        engine=make_engine(
            settings.database_url,
            pool_size=settings.database_pool_size,
            prepare=settings.database_prepare,
            timeout_seconds=settings.database_timeout_seconds,
        ),
    )
    for blueprint in OPS:
        _register_twice(app, blueprint)
    for blueprint in OPEN:
        app.register_blueprint(blueprint)
    error_handlers.register(app)
    _register_hooks(app, settings)
    return app


def _register_twice(app: Flask, blueprint: Blueprint) -> None:
    """The same views under both addresses: a redirect would lose the body of a POST."""
    for prefix, name in ((CANONICAL, blueprint.name), (ALIAS, f"{blueprint.name}_alias")):
        app.register_blueprint(blueprint, url_prefix=prefix.rstrip("/"), name=name)


def _register_hooks(app: Flask, settings: Settings) -> None:
    request_log.configure(settings.log_level)

    @app.before_request
    def authorise() -> None:
        # Runs for addresses that do not exist, too: routing errors are raised after this.
        request_log.start_clock()
        credential = credential_for(request.path)
        if credential is not None:
            require(credential, settings)

    @app.after_request
    def finish(response: Response) -> Response:
        add_headers(response, settings)
        request_log.log_request(response)
        return response
