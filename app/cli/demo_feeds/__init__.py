"""Feeds of our own invention, served from this machine: a demo needs no internet."""

from app.cli.demo_feeds.feed_host import DemoFeeds, serve_demo_feeds

__all__ = ["DemoFeeds", "serve_demo_feeds"]
