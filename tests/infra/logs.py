"""A test's process logs as a service does, and afterwards as before."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from sendto.runtime import logs
from sendto.runtime.settings import LogSettings


@contextmanager
def logging_as(service: str, settings: LogSettings) -> Iterator[None]:
    """Write what is logged inside the block in this form, to what is standard error now."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    levels = {
        name: one.level for name, one in logging.Logger.manager.loggerDict.items() if isinstance(one, logging.Logger)
    }
    logs.configure(settings, service=service)
    structlog.configure(cache_logger_on_first_use=False)  # what is cached would write on when the block is over
    try:
        yield
    finally:
        structlog.configure(**configuration)
        structlog.contextvars.unbind_contextvars("service")
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, one in levels.items():
            logging.getLogger(name).setLevel(one)
