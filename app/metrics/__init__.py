"""Metrics: daily snapshots of social pages, and how they changed."""
