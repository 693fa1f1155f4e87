"""Settings: YAML with `${VARIABLE, default}`, read into frozen dataclasses, every problem reported at once."""

from authproxy_common.config.document import Loaded, load
from authproxy_common.config.problems import Problem, SettingsError
from authproxy_common.config.reader import setting

__all__ = ["Loaded", "Problem", "SettingsError", "load", "setting"]
