"""Settings: declared in `spec`, read and checked by `loader`. Only entry points import this."""

from config.loader import load_settings
from config.spec import SETTINGS, Process, Setting, Settings

__all__ = ["SETTINGS", "Process", "Setting", "Settings", "load_settings"]
