"""Settings: declared in `spec`, read and checked by `loader`. Only entry points import this."""

from config.loader import load_settings
from config.setting import Process, Setting
from config.spec import SETTINGS, Settings

__all__ = ["SETTINGS", "Process", "Setting", "Settings", "load_settings"]
