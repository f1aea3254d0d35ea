"""The named statements of schedules."""

from pathlib import Path

SQL = Path(__file__).parent
