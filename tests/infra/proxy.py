"""A TCP proxy that a test can cut, as a network does, or silence, as a frozen server is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Passes bytes on to a server while it is whole."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    async def mend(self) -> None:
        """Take connections (again)."""
        self._listening = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections, and refuse new ones."""
        if self._listening is not None:
            self._listening.close()
        for writer in list(self._open):
            writer.transport.abort()

    def silence(self) -> None:
        """Keep all connections, and take new ones, but pass nothing on."""
        self._flows.clear()

    def go_on(self) -> None:
        """Pass on again, also what has come meanwhile."""
        self._flows.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await asyncio.open_connection(*self._server)
        except OSError:
            writer.close()
            return
        self._open |= {writer, there}
        await asyncio.gather(self._pump(reader, there), self._pump(there_reader, writer))
        self._open -= {writer, there}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy before a server for a block."""
    proxy = Proxy(host, port)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()
