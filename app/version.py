"""The version of the product; `pyproject.toml` has the same, held by a contract test."""

VERSION = "0.1.0"
