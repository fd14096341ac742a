"""The kit's HTTP client: as strict as the core's, and it keeps account of what the adapter does with it."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from sendto.sdk.http import AnswerLost, HttpRequest, HttpResponse, NotSent, TooLate
from sendto.sdk.testing.provider import KIT_HEADER

MAX_BODY_BYTES = 1_048_576
"""as the core's default; what is longer is cut"""
_READ_BYTES = 65_536


@dataclass(slots=True)
class Account:
    """What went through the clients of one check."""

    hosts: Collection[str]
    """origins that the adapter may speak to"""
    port: int
    """where they all lead"""
    requests: list[HttpRequest] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    """other origins that it tried"""
    open_connections: int = 0


class KitHttp:
    """One call's client (`sendto.sdk.Http`): keeps the deadline, follows nothing, bounds the answer."""

    def __init__(self, account: Account, deadline_s: float) -> None:
        self._account = account
        self._until = asyncio.get_running_loop().time() + deadline_s
        self.requests: list[HttpRequest] = []
        self.answers: list[int] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request and read its whole answer."""
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._account.hosts:
            self._account.strays.append(origin)
            raise NotSent("host_not_configured")
        if asyncio.get_running_loop().time() >= self._until:
            raise TooLate
        self.requests.append(request)
        self._account.requests.append(request)
        try:
            async with asyncio.timeout_at(self._until):
                response = await self._exchange(request, parts.netloc, f"{parts.path or '/'}?{parts.query}".rstrip("?"))
        except TimeoutError:
            raise AnswerLost("timeout", timed_out=True) from None
        except h11.LocalProtocolError:
            raise NotSent("request_invalid") from None
        except (OSError, h11.RemoteProtocolError):
            raise AnswerLost("connection_lost") from None
        self.answers.append(response.status)
        return response

    async def _exchange(self, request: HttpRequest, host: str, target: str) -> HttpResponse:
        connection = h11.Connection(h11.CLIENT)
        head, body = _head(request, host, target), h11.Data(data=request.body)
        sent = b"".join(connection.send(event) or b"" for event in (head, body, h11.EndOfMessage()))
        reader, writer = await asyncio.open_connection("127.0.0.1", self._account.port)
        self._account.open_connections += 1
        try:
            writer.write(sent)
            return await _read(connection, reader)
        finally:
            self._account.open_connections -= 1
            writer.close()


def _head(request: HttpRequest, host: str, target: str) -> h11.Request:
    headers: Mapping[str, str] = {
        "host": host,
        **{name.lower(): value for name, value in request.headers.items()},
        KIT_HEADER: "1",
        "content-length": str(len(request.body)),
        "connection": "close",
    }
    return h11.Request(method=request.method, target=target, headers=list(headers.items()))


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> HttpResponse:
    head: h11.Response | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        if head is not None and (isinstance(event, h11.EndOfMessage) or len(body) > MAX_BODY_BYTES):
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
            return HttpResponse(head.status_code, headers, body[:MAX_BODY_BYTES], len(body) > MAX_BODY_BYTES)
