"""Feeds: RSS, Atom and JSON Feed documents read into the same plain entries."""
