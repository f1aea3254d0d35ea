"""The wake listener: a process of its own that takes wake-ups over HTTP and passes hints on.

runner (`process`) <-- line (`line`) --> gunicorn (`server`) with the routes (`routes`). It holds
the runner's tokens and can record a rejection; it can neither claim a job nor run one.
"""
