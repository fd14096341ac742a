"""What the scripted providers have in common, and the two ways to reach them: directly and on a real socket."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import h11

from sendto.sdk import AnswerLost, HttpRequest, HttpResponse

_READ_BYTES = 65_536
_FAILED = 300


@dataclass(frozen=True)
class Asked:
    """A request as the provider got it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"


@dataclass(frozen=True)
class Answer:
    """What a provider answers; `body` is bytes as they are, None for nothing, anything else as JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def content_type(self) -> str:
        """The body's type."""
        return "text/html" if isinstance(self.body, bytes) else "application/json"


class Scripted:
    """A provider that holds objects in memory.

    `next` are answers that are given without doing anything, oldest first (None: this request is treated as usual);
    `lose_answers` is how many of the coming writes are carried out without an answer; those that fail do not count.
    """

    prefix = ""
    """the path before all others"""
    authorization: tuple[str, str] = ("authorization", "")
    """the header that must come with every request"""
    unauthorized: ClassVar[Any] = None
    """the body of a refusal"""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.next: deque[Answer | None] = deque()
        self.lose_answers = 0

    def answer(self, asked: Asked) -> Answer | None:
        """The answer to a request; None where it is lost."""
        self.asked.append(asked)
        scripted = self.next.popleft() if self.next else None
        if scripted is not None:
            return scripted
        header, value = self.authorization
        if asked.headers.get(header) != value:
            return Answer(401, self.unauthorized)
        assert asked.path.startswith(self.prefix), asked.path
        answer = self.handle(asked, asked.path.removeprefix(self.prefix))
        if asked.writes and self.lose_answers and answer.status < _FAILED:
            self.lose_answers -= 1
            return None
        return answer

    def handle(self, asked: Asked, path: str) -> Answer:
        """Carry a request out."""
        raise NotImplementedError

    def held(self, reference: str) -> list[dict[str, Any]]:
        """Its objects for a reference of ours."""
        raise NotImplementedError

    def writes(self) -> list[str]:
        """The writing requests, as method and path."""
        return [f"{asked.method} {asked.path.removeprefix(self.prefix)}" for asked in self.asked if asked.writes]


class Direct:
    """`sendto.sdk.Http` that reaches a scripted provider without a network."""

    def __init__(self, provider: Scripted) -> None:
        self._provider = provider

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request."""
        parts = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, parts.path, dict(parse_qsl(parts.query)), headers, request.body)
        answer = self._provider.answer(asked)
        if answer is None:
            raise AnswerLost("connection_lost")
        named = {name.lower(): value for name, value in answer.headers.items()}
        return HttpResponse(answer.status, {"content-type": answer.content_type} | named, answer.content)


@asynccontextmanager
async def on_socket(provider: Scripted) -> AsyncIterator[str]:
    """Serve a scripted provider on a socket of this machine; its address."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(_serve(provider, reader, writer))
        connections.add(connection)
        try:
            with suppress(asyncio.CancelledError, ConnectionError):
                await connection
        finally:
            connections.discard(connection)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await server.wait_closed()


async def _serve(provider: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    parser = h11.Connection(h11.SERVER)
    while True:
        asked = await _read(parser, reader)
        if asked is None:
            return
        answer = provider.answer(asked)
        if answer is None:
            return
        writer.write(_written(parser, answer))
        await writer.drain()
        if parser.our_state is not h11.DONE or parser.their_state is not h11.DONE:
            return
        parser.start_next_cycle()


async def _read(parser: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _asked(head, body)
        else:
            return None


def _asked(head: h11.Request, body: bytes) -> Asked:
    parts = urlsplit(head.target.decode())
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in head.headers}
    return Asked(head.method.decode(), parts.path, dict(parse_qsl(parts.query)), headers, body)


def _written(parser: h11.Connection, answer: Answer) -> bytes:
    content = answer.content
    headers = {"content-length": str(len(content)), "content-type": answer.content_type} | dict(answer.headers)
    written = [
        parser.send(h11.Response(status_code=answer.status, headers=list(headers.items()))),
        parser.send(h11.Data(data=content)) if content else b"",
        parser.send(h11.EndOfMessage()),
    ]
    return b"".join(part or b"" for part in written)
