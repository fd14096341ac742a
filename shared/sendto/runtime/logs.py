"""Structured logs: one line an event on standard error. No personal data ever goes into a field."""

import logging
import sys
from contextlib import AbstractContextManager
from traceback import format_tb

import msgspec
import structlog

from sendto.runtime.settings import LogSettings

Logger = structlog.typing.FilteringBoundLogger


class _Lines(structlog.WriteLogger):
    """Writes past the machinery of `logging`: there is a line for every attempt."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def configure(settings: LogSettings, *, service: str) -> None:
    """Send structlog's lines and the libraries' own to standard error in the configured form."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_text,
    ]
    structlog.configure(
        processors=[*shared, structlog.dev.ConsoleRenderer() if console else _to_json],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(level, shared, structlog.dev.ConsoleRenderer() if console else _to_json)
    structlog.contextvars.bind_contextvars(service=service)


def _configure_libraries(
    level: int, shared: list[structlog.typing.Processor], renderer: structlog.typing.Processor
) -> None:
    """What libraries log by the standard library's `logging`, in the same form."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(level)
    for chatty in ("uvicorn.access", "aiokafka", "faststream", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, level))


def _to_json(_: object, __: str, event: structlog.typing.EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def _without_text(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """In place of an exception its kind and place, whoever logs it."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else (info if isinstance(info, tuple) else sys.exc_info())[1]
    return {**event, **bug(error)} if info and error else event


def logger(name: str) -> Logger:
    """The logger of one module or component."""
    bound: Logger = structlog.get_logger(name)
    return bound


def bound(**fields: str | None) -> AbstractContextManager[None]:
    """Every line that is written inside the block, by whatever it calls, has these fields; None is left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    return structlog.contextvars.bound_contextvars(**given)


def bug(error: BaseException) -> dict[str, str]:
    """Fields that tell a bug's kind and place. Its text is left out: it may repeat personal data."""
    return {"error": type(error).__name__, "place": "".join(format_tb(error.__traceback__)[-4:])}
