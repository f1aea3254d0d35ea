"""What a value of a variable may be: one predicate for each kind of value."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

ENVIRONMENTS = ("development", "testing", "production")
MOST_RUNNERS = 10

_FOREVER = float("inf")
_JOB_TYPE = re.compile(r"[a-z][a-z0-9_]{0,99}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")


def is_environment(value: object) -> bool:
    return value in ENVIRONMENTS


def is_postgres(value: object) -> bool:
    return urlsplit(str(value)).scheme in ("postgresql", "postgres")


def is_log_level(value: object) -> bool:
    return value in ("DEBUG", "INFO", "WARNING", "ERROR")


def is_positive(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < _FOREVER


def is_not_negative(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < _FOREVER


def is_port(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= 65535


def is_wake_budget(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value <= 10


def is_http_url(value: object) -> bool:
    try:
        parts = urlsplit(str(value))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


def are_http_urls(value: object) -> bool:
    urls = split_addresses(str(value))
    return 0 < len(urls) <= MOST_RUNNERS and all(is_http_url(url) for url in urls)


def split_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses of a list that is separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def is_header_text(value: object) -> bool:
    return bool(_HEADER_TEXT.fullmatch(str(value)))


def are_job_types(value: object) -> bool:
    return isinstance(value, list) and all(_JOB_TYPE.fullmatch(name) for name in value)


def are_modules(value: object) -> bool:
    return isinstance(value, list) and all(_MODULE.fullmatch(name) for name in value)
