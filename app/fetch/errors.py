"""What can go wrong with a fetch; a message never repeats the address, which may hold a secret."""

from __future__ import annotations


class FetchError(Exception):
    """The document could not be fetched. The message is fit for a result page."""


class AddressRefused(FetchError):
    """The address is one that is never fetched; trying again changes nothing."""


class Unreachable(FetchError):
    """No usable connection to the host came about."""


class TooSlow(FetchError):
    """The whole exchange, redirects included, took longer than allowed."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(f"no complete answer within {timeout_seconds:g} s")
        self.timeout_seconds = timeout_seconds


class TooLarge(FetchError):
    """The document, unpacked, is larger than allowed."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the document is larger than {max_bytes:,} bytes")
        self.max_bytes = max_bytes


class BadAnswer(FetchError):
    """The host answered, but not with a document."""
