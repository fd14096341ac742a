"""The scripted provider: a fake of the author's on a real socket, with faults put between it and the adapter."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, unquote, urlsplit

import h11

from sendto.sdk.testing.case import Fake
from sendto.sdk.testing.messages import Afterwards, Answer, Fault, Hang, Instead, Received, Reset

KIT_HEADER = "x-sendto-kit"
"""the kit's own client sends it; a request without it came another way"""

Script = Callable[[int, Received], Fault | None]
"""what happens to the n-th request (from 1) since the script was set; None: nothing out of the ordinary"""


def always(fault: Fault) -> Script:
    """This happens to every request."""
    return lambda _, __: fault


def since(first: int, fault: Fault) -> Script:
    """This happens to the n-th request and all after it."""
    return lambda number, _: fault if number >= first else None


def at(only: int, fault: Fault) -> Script:
    """This happens to the n-th request alone."""
    return lambda number, _: fault if number == only else None


class ScriptedProvider:
    """Takes one request per connection. Everything that it received stays in `received`."""

    def __init__(self, fake: Fake, is_token_request: Callable[[Received], bool]) -> None:
        self.fake = fake
        self.url = ""
        self.received: list[Received] = []
        self.tokens_asked = 0
        self.bypassing: list[Received] = []
        self.failure: Exception | None = None
        """the fake's own, if it raised"""
        self._is_token_request = is_token_request
        self._script: Script | None = None
        self._number = 0
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def number(self) -> int:
        """How many requests came since the script was set, those for access tokens left out."""
        return self._number

    def follow(self, script: Script | None) -> None:
        """Do this with the requests from now on, other than those for access tokens."""
        self._script, self._number = script, 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    @property
    def connections(self) -> frozenset["asyncio.Task[None]"]:
        """Its own work, which is no leak of the adapter's."""
        return frozenset(self._connections)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen for a block."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
            try:
                received = await read_request(reader)
                if received is not None:
                    self.received.append(received)
                    await self._treat(received, reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    async def _treat(self, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if KIT_HEADER not in received.headers:
            self.bypassing.append(received)
        match self._fault(received):
            case None:
                await _write(writer, self._answer(received))
            case Instead(answer, announced):
                await _write(writer, answer, announced)
            case Afterwards(answer):
                self._answer(received)
                if answer is not None:
                    await _write(writer, answer)
            case Hang():
                await reader.read()  # until the other side goes
            case Reset():
                return

    def _fault(self, received: Received) -> Fault | None:
        if self._is_token_request(received):
            self.tokens_asked += 1
            return None
        self._number += 1
        return self._script(self._number, received) if self._script else None

    def _answer(self, received: Received) -> Answer:
        try:
            return self.fake.answer(received)
        except Exception as failure:  # noqa: BLE001 - told at the check's end
            self.failure = failure
            return Answer(500)


async def read_request(reader: asyncio.StreamReader) -> Received | None:
    """One whole request, None if the other side left before."""
    connection = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _received(head, body)
        else:
            return None


def _received(head: h11.Request, body: bytes) -> Received:
    target = head.target.decode("latin-1")
    parts = urlsplit(target)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Received(
        method=head.method.decode("latin-1"),
        host=headers.get("host", ""),
        path=unquote(parts.path),
        target=target,
        query=parse_qs(parts.query, keep_blank_values=True),
        headers=headers,
        body=body,
    )


async def _write(writer: asyncio.StreamWriter, answer: Answer, announced: int | None = None) -> None:
    content = answer.content
    kind = {} if isinstance(answer.body, bytes) else {"content-type": "application/json"}
    headers = kind | {"content-length": str(announced or len(content)), "connection": "close"} | dict(answer.headers)
    head = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    writer.write("\r\n".join(head).encode("latin-1") + content)
    await writer.drain()
