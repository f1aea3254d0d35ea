"""What the control plane knows of Nearsight's job."""

from app.jobs.types import JobType
from app.nearsight.payload import CollectPayload
from app.nearsight.result import CollectResult

JOB_TYPE = JobType(
    name="nearsight_collect_refresh",
    payload=CollectPayload,
    result=CollectResult,
    flag="nearsight_enabled",
    summary="Read news feeds, join what tells the same story, and rank the headlines.",
    example={
        "sources": [{"name": "Harbour Post", "url": "https://feeds.example.org/harbour-post.xml"}],
        "limit": 10,
    },
)
