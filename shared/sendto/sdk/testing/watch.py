"""What is watched during every check: secrets and people in what gets out, other ways out, work left behind."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sendto.sdk.configuration import secrets_of
from sendto.sdk.testing.breach import breach, require
from sendto.sdk.testing.people import CANARIES
from sendto.sdk.testing.stage import Stage

_SHORTEST_SECRET = 6
"""shorter ones appear by chance"""


class Watch(logging.Handler):
    """Collects every log record, at every level, for a block."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record as a handler would print it, its exception included."""
        try:
            self.lines.append(self.format(record))
        except Exception as error:  # noqa: BLE001 - a record that cannot be printed is kept as what it is
            self.lines.append(f"{record.msg} {record.args} {error}")

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level, self._disabled = root.level, logging.root.manager.disable
        logging.disable(logging.NOTSET)
        root.setLevel(logging.DEBUG)
        root.addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level)
        logging.disable(self._disabled)


def told(text: str, secrets: tuple[str, ...]) -> str | None:
    """What kind of thing this text gives away, None if nothing; never the thing itself."""
    if any(canary.lower() in text.lower() for canary in CANARIES):
        return "personal data"
    if any(secret in text for secret in secrets if len(secret) >= _SHORTEST_SECRET):
        return "a secret of the configuration"
    return None


@contextmanager
def watched(stage: Stage) -> Iterator[None]:
    """Watch over one check; afterwards what it saw must be in order."""
    secrets = tuple(secrets_of(stage.config))
    before, metrics_before = asyncio.all_tasks(), frozenset(_metrics())
    with Watch() as watch:
        yield
    if stage.provider.failure is not None:
        raise stage.provider.failure
    metrics = [line for line in _metrics() if line not in metrics_before]
    _nothing_told(stage, {"a log line": watch.lines, "a metric": metrics}, secrets)
    require(
        not stage.account.strays,
        f"the adapter tried to speak to {', '.join(sorted(set(stage.account.strays)))}; "
        "it may speak only to the configured address (or to what Case.hosts names)",
    )
    require(
        not stage.provider.bypassing,
        "a request came that did not go through the given http; the adapter must have no client of its own",
    )
    left = [task for task in asyncio.all_tasks() - before - stage.provider.connections if not task.done()]
    require(not left, f"the adapter left {len(left)} tasks running: {', '.join(map(_named, left))}")
    require(stage.account.open_connections == 0, "the adapter left a connection open")


def _nothing_told(stage: Stage, seen: dict[str, list[str]], secrets: tuple[str, ...]) -> None:
    places = seen | {
        "an outcome or exception": stage.said,
        "a URL": [request.url for request in stage.account.requests],
        "repr(adapter)": [repr(stage.adapter)],
        "repr(config)": [repr(stage.config), str(stage.config)],
    }
    for place, texts in places.items():
        for text in texts:
            kind = told(text, secrets)
            if kind is not None:
                breach(f"{place} holds {kind}; it must be nowhere but in requests' headers and bodies")


def _metrics() -> list[str]:
    """What the process's Prometheus registry would show, if anything here uses one."""
    prometheus: Any = sys.modules.get("prometheus_client")
    return prometheus.generate_latest().decode().splitlines() if prometheus else []


def _named(task: "asyncio.Task[Any]") -> str:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", task.get_name())
