"""Nearsight: collects news headlines from feeds, joins what tells the same story, and ranks it."""
