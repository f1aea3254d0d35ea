"""Captorator: composes a caption and hashtags from facts it is given, always the same from the same."""
