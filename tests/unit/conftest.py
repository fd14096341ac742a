"""Properties are checked as long as they need: a loaded machine makes no example slow enough to fail."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
