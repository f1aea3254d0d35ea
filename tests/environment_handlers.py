"""A handler module that wants a secret of the runner at its import: no slot has it."""

import os

ADDRESS = os.environ["DATABASE_URL"]
