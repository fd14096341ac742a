"""Serving an ASGI application as a process: uvloop, uvicorn, a graceful stop, an exit code that tells the truth."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal

import anyio.lowlevel
import uvicorn
import uvloop

from sendto.runtime.settings import HttpSettings
from sendto.runtime.supervisor import Supervisor

_COLLECT_AFTER_OBJECTS = 50_000
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class AddressInUse(Exception):  # noqa: N818 - named for what happened
    """The configured port is taken."""


def listen(settings: HttpSettings) -> socket.socket:
    """The listening socket; its port is chosen by the system where the setting is 0.

    Raises:
        AddressInUse: another process listens there.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for what says that it is TCP: else each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise AddressInUse(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    listener.listen(2048)
    listener.setblocking(False)  # noqa: FBT003 - the standard library's own form
    return listener


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs the server."""
        yield


async def serve(
    app: Any,  # noqa: ANN401 - any ASGI application
    settings: HttpSettings,
    *,
    supervisor: Supervisor,
    drain_s: float = 5.0,
    http_protocol: type[asyncio.Protocol] | Literal["httptools"] = "httptools",
    on_stop: Callable[[], None] | None = None,
) -> int:
    """Serve until a stop signal, or until a loop of `supervisor` crashes; the process's exit code.

    The application's lifespan starts and stops what belongs to it; it ends after the open connections, so `on_stop`
    closes before what would keep those open. Of a second signal the process dies at once.
    """
    server = Server(
        uvicorn.Config(
            app,
            lifespan="on",
            loop="uvloop",
            http=http_protocol,
            log_config=None,
            access_log=False,
            timeout_keep_alive=settings.keep_alive_s,
            timeout_graceful_shutdown=max(1, round(drain_s)),
            server_header=False,
        )
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _stop, stopping)
    listener = listen(settings)
    # With its first use it imports what it runs on, and who asks then waits for a tenth of a second.
    await anyio.lowlevel.checkpoint()
    _spare_the_collector()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waits = {asyncio.create_task(stopping.wait()), asyncio.create_task(supervisor.crashed())}
    await asyncio.wait({serving, *waits}, return_when=asyncio.FIRST_COMPLETED)
    crashed = await supervisor.readiness() is not None or (serving.done() and not stopping.is_set())
    if on_stop is not None:
        on_stop()
    server.should_exit = True
    await serving
    for wait in waits:
        wait.cancel()
    return 1 if crashed else 0


def _spare_the_collector() -> None:
    """Let garbage collection pass over what is there for good, and come less often: it took a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS, 20, 100)


def _stop(stopping: asyncio.Event) -> None:
    if stopping.is_set():
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    stopping.set()


def run(main: Coroutine[Any, Any, int]) -> None:
    """Run a service's main coroutine on uvloop and end the process with its exit code."""
    sys.exit(uvloop.run(main))
