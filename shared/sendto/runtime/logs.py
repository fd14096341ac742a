"""Structured logs: one line an event on standard error. No personal data ever goes into a field."""

import asyncio
import atexit
import logging
import sys
from collections import deque
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from traceback import format_tb

import msgspec
import structlog

from sendto.runtime.settings import LogSettings

Logger = structlog.typing.FilteringBoundLogger


class _Turn:
    """The lines of one turn of the event loop, which are written together; outside a loop each by itself."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, line: str) -> None:
        """Write a line before the loop's next turn."""
        self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write()
            return
        if loop is not self._loop:
            self._loop = loop
            loop.call_soon(self.write)

    def add_now(self, line: str) -> None:
        """Write a line, after those that are waiting."""
        self._lines.append(line)
        self.write()

    def write(self) -> None:
        """Write what is waiting."""
        self._loop = None
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines:
            sys.stderr.write("\n".join((*lines, "")))
            sys.stderr.flush()


_turn = _Turn()
_straight: list[structlog.typing.Processor] = []
"""the chain of processors of JSON lines; while structlog has this one, lines of `Wide` go out past it"""
atexit.register(_turn.write)


class _Lines:
    """Writes past the machinery of `logging`: there is a line for every attempt. A warning waits for nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    log = debug = info = staticmethod(_turn.add)
    msg = warn = warning = fatal = failure = err = error = critical = exception = staticmethod(_turn.add_now)


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
    renderer = structlog.dev.ConsoleRenderer() if console else _to_json
    processors = [*shared, renderer]
    if not console and level <= logging.INFO:
        _straight[:] = processors
        processors = _straight
    structlog.configure(
        processors=processors,
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(level, shared, renderer)
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


class Wide:
    """Writes one kind of line very often: the same line as a logger's `info`, for a quarter of its time.

    Args:
        name: the logger's.
        event: what the line tells of.
    """

    def __init__(self, name: str, event: str) -> None:
        self._name = name
        self._event = event
        self._log = logger(name)

    def __call__(self, **fields: object) -> None:
        """Write a line with these fields."""
        if structlog.get_config()["processors"] is not _straight:
            self._log.info(self._event, **fields)
            return
        own = {"event": self._event, "logger": self._name, "level": "info", "timestamp": datetime.now(UTC)}
        _turn.add(_to_json(None, "info", {**structlog.contextvars.get_contextvars(), **fields, **own}))


def bound(**fields: str | None) -> AbstractContextManager[None]:
    """Every line that is written inside the block, by whatever it calls, has these fields; None is left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    return structlog.contextvars.bound_contextvars(**given)


def bug(error: BaseException) -> dict[str, str]:
    """Fields that tell a bug's kind and place. Its text is left out: it may repeat personal data."""
    return {"error": type(error).__name__, "place": "".join(format_tb(error.__traceback__)[-4:])}
