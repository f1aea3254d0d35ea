"""Alembic's environment: one branch for the core and one for each feature that owns tables."""
