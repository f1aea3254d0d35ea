"""What the control plane knows of Captorator's job."""

from app.captorator.request import ComposeCaption
from app.captorator.result import CaptionResult
from app.jobs.types import JobType

JOB_TYPE = JobType(
    name="captorator_compose",
    payload=ComposeCaption,
    result=CaptionResult,
    flag="captorator_enabled",
    summary="Compose a caption with hashtags from facts; the same request, the same caption.",
    example={
        "profile": "city_guide",
        "city": "Port Brannoc",
        "category": "cafe",
        "details": ["Opens at six, with the fish market", "The cinnamon buns are gone by nine"],
        "creator": "@lenawalks",
        "tone": "warm",
        "platform": "instagram",
        "seed": 7,
    },
)
