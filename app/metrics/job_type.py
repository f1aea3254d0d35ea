"""What the control plane knows of Metrics' job."""

from app.jobs.types import JobType
from app.metrics.payload import RefreshPayload
from app.metrics.result import RefreshResult

JOB_TYPE = JobType(
    name="metrics_refresh",
    payload=RefreshPayload,
    result=RefreshResult,
    flag="feature_metrics",
    summary="Keep daily numbers of social pages and show how they changed.",
    example={
        "snapshots": [
            {
                "page": "@harbourpost",
                "platform": "instagram",
                "taken_on": "2025-11-23",
                "followers": 18240,
                "posts": 2150,
                "engagement": 410,
            }
        ]
    },
)
