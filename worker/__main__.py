"""`python -m worker`: start the runner with the settings of the environment."""

from __future__ import annotations

import sys

from dynaconf import ValidationError

from config import load_settings
from worker import main

if __name__ == "__main__":
    try:
        settings = load_settings("runner")
    except (ValidationError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.exit(main(settings))
