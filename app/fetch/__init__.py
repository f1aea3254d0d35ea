"""Fetch a document from an address that somebody else chose, without trusting either."""
