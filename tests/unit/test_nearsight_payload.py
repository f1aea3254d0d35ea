"""What may be asked of a collection, checked at the door."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.nearsight.job_type import JOB_TYPE
from app.nearsight.payload import CollectPayload

POST = {"name": "Post", "url": "https://post.example/feed"}


def test_an_empty_payload_means_the_known_sources() -> None:
    assert CollectPayload.model_validate({}).sources == []


def test_the_example_of_the_job_type_is_a_good_payload() -> None:
    CollectPayload.model_validate(JOB_TYPE.example)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"source": []}, "extra"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"sources": [{"url": POST["url"]}]}, "name"),
        ({"sources": [{**POST, "name": " \u200f "}]}, "needs a name"),
        ({"sources": [{**POST, "url": "file:///etc/passwd"}]}, "http or https"),
        ({"sources": [{**POST, "url": "https://u:hunter2@post.example/"}]}, "user name"),
        ({"sources": [{**POST, "etag": "a\r\nX-Evil: 1"}]}, "etag"),
        ({"sources": [POST, POST]}, "same name"),
        ({"sources": [POST, {**POST, "name": "Other"}]}, "same url"),
        ({"sources": [POST] * 101}, "at most 100"),
    ],
)
def test_a_wrong_payload_says_what_is_wrong(payload: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        CollectPayload.model_validate(payload)
    assert "hunter2" not in str(refused.value)
