"""Links made comparable: one spelling to show, and one key under which a story is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from app.fetch.address import MAX_ADDRESS_LENGTH, read_address
from app.fetch.errors import AddressRefused


def canonical_link(url: str, tracking_parameters: Iterable[str]) -> str | None:
    """Return `url` without tracking, fragment and default port; None if no page can stand there.

    Anything but http and https, `javascript:` above all, is no page.
    """
    url = url.strip()
    try:
        address = read_address(url)
    except AddressRefused:
        return None
    path, _, query = address.target.partition("?")
    kept = [
        parameter
        for parameter in query.split("&")
        if parameter and not _matches(parameter.partition("=")[0], tracking_parameters)
    ]
    query = "?" + "&".join(kept) if kept else ""
    link = f"{address.scheme}://{address.host_header}{path}{query}"
    # Percent-encoding makes a link longer than it came.
    return link if len(link) <= MAX_ADDRESS_LENGTH else None


def link_hash(canonical: str) -> str:
    """Hash what makes two links the same page whatever their scheme, `www.` or parameter order."""
    parts = urlsplit(canonical)
    host = parts.netloc.removeprefix("www.")
    query = "&".join(sorted(parts.query.split("&")))
    key = f"{host}{parts.path.rstrip('/')}?{query}"
    return hashlib.sha256(key.encode()).hexdigest()


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(unquote(name).lower(), pattern) for pattern in patterns)
