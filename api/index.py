"""The control plane as a WSGI app: Vercel's entry point, and gunicorn's."""

from __future__ import annotations

from app.captorator.job_type import JOB_TYPE as CAPTORATOR
from app.jobs.test_job import JOB_TYPE as TEST_JOB
from app.metrics.job_type import JOB_TYPE as METRICS
from app.nearsight.job_type import JOB_TYPE as NEARSIGHT
from app.web import create_app
from config import load_settings

JOB_TYPES = {job_type.name: job_type for job_type in (CAPTORATOR, METRICS, NEARSIGHT)}

settings = load_settings("control_plane")
if not settings.is_production:
    JOB_TYPES[TEST_JOB.name] = TEST_JOB
app = create_app(settings, job_types=JOB_TYPES)
