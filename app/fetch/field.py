"""The field of a payload that holds an address to fetch: refused at the door, not in the run."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from app.fetch.address import MAX_ADDRESS_LENGTH, read_address
from app.fetch.errors import AddressRefused


def _fetchable(url: str) -> str:
    try:
        read_address(url)
    except AddressRefused as refused:
        raise ValueError(str(refused)) from None
    return url


FetchableUrl = Annotated[str, Field(max_length=MAX_ADDRESS_LENGTH), AfterValidator(_fetchable)]
