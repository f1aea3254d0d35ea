"""Metrics' named statements."""

from pathlib import Path

SQL = Path(__file__).parent
