"""Captorator: composes captions and hashtags from given facts, the same from the same."""
