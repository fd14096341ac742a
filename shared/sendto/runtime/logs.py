"""Structured logs: one line an event on standard error. No personal data ever goes into a field."""

import logging
import sys
from traceback import format_tb

import structlog

from sendto.runtime.settings import LogSettings

Logger = structlog.stdlib.BoundLogger


def configure(settings: LogSettings, *, service: str) -> None:
    """Send structlog's lines and the libraries' own to standard error in the configured form."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_text,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(settings.level.upper())
    for chatty in ("uvicorn.access", "aiokafka", "faststream", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(service=service)


def _without_text(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """In place of an exception its kind and place, whoever logs it."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else (info if isinstance(info, tuple) else sys.exc_info())[1]
    return {**event, **bug(error)} if info and error else event


def logger(name: str) -> Logger:
    """The logger of one module or component."""
    return structlog.stdlib.get_logger(name)


def bug(error: BaseException) -> dict[str, str]:
    """Fields that tell a bug's kind and place. Its text is left out: it may repeat personal data."""
    return {"error": type(error).__name__, "place": "".join(format_tb(error.__traceback__)[-4:])}
