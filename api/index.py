"""The control plane as a WSGI app: Vercel's entry point, and gunicorn's."""

from __future__ import annotations

from app.captorator.job_type import JOB_TYPE as CAPTORATOR
from app.metrics.job_type import JOB_TYPE as METRICS
from app.nearsight.job_type import JOB_TYPE as NEARSIGHT
from app.web import create_app
from config import load_settings

JOB_TYPES = {job_type.name: job_type for job_type in (CAPTORATOR, METRICS, NEARSIGHT)}

app = create_app(load_settings("control_plane"), job_types=JOB_TYPES)
