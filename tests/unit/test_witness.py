"""The witness sees a secret in whatever form it comes out; a witness that cannot is none."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from tests import witness
from tests.witness import CANARY

SECRET = f"{CANARY}-ops-key"


@pytest.mark.parametrize(
    "output",
    [
        SECRET,
        f"postgresql://ops:{SECRET}@localhost/ops",
        quote(SECRET),
        SECRET.encode().hex(),
        *(base64.b64encode(b"x" * shift + SECRET.encode()).decode() for shift in range(3)),
    ],
    ids=["plain", "address", "quoted", "hex", "base64", "base64 at 1", "base64 at 2"],
)
def test_a_secret_is_seen_in_every_form(output: str) -> None:
    witness.saw("a test", f"before {output} after")
    (leak,) = set(witness.leaks())
    assert CANARY not in leak


def test_what_is_no_secret_is_not_seen() -> None:
    witness.saw("a test", "an ordinary answer", b"\xff\x00", base64.b64encode(b"ordinary").decode())
    assert witness.leaks() == []
