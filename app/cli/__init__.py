"""The `ops` command: a thin client of the HTTP API, plus the commands that run this machine."""
