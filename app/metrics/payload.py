"""Where the numbers come from: the payload of `metrics_refresh`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.fetch.field import FetchableUrl
from app.metrics.snapshot import MAX_SNAPSHOTS, Snapshot


class RefreshPayload(BaseModel):
    """Either the snapshots themselves, or the address of a CSV or JSON document that has them."""

    # An address may carry a secret although it must not: an error message never repeats it.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    snapshots: Annotated[list[Snapshot], Field(max_length=MAX_SNAPSHOTS)] = []
    url: FetchableUrl | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> RefreshPayload:
        if bool(self.snapshots) == (self.url is not None):
            raise ValueError("give either snapshots or url")
        return self
