"""The adapters' HTTP client over pyreqwest, which is fast; nothing else knows that library.

A `Transport` belongs to a provider and keeps its connections. Each attempt gets an `AttemptHttp`, which keeps the
deadline, counts requests, and knows whether anything may have been sent.
"""

from datetime import timedelta
from functools import lru_cache
from time import monotonic
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    ConnectTimeoutError,
    DetailedPyreqwestError,
    PoolTimeoutError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.response import Response

from sendto.kernel.clock import Clock
from sendto.sdk import AnswerLost, HttpRequest, HttpResponse, NotSent, TooLate
from sendto_dispatcher.engine import addresses

_CONNECT_SHARE = 0.5
"""of the timeout may go into connecting, so that a deadline is told apart from a dead host"""
_READ_BYTES = 65_536
_MOST_PINNED = 16
_ADDRESS_KEPT_S = 5.0
_CONNECTING = "client error (Connect)"
_USER_AGENT = "sendto"


class Transport:
    """The connections of one provider."""

    def __init__(
        self,
        *,
        timeout_s: float,
        max_body_bytes: int,
        allow_private: bool,
        resolve: addresses.Resolve = addresses.resolve,
    ) -> None:
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._allow_private = allow_private
        self._resolve = resolve
        self._clients: dict[tuple[str, str], Client] = {}
        self._addresses: dict[tuple[str, int], tuple[str, float]] = {}

    def attempt(self, *, deadline_s: float, clock: Clock) -> "AttemptHttp":
        """The client of one attempt; `deadline_s` is on the clock's monotonic time."""
        return AttemptHttp(self, deadline_s, clock)

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.close()

    async def client_for(self, url: str) -> Client:
        """The client that may be used for this address.

        Raises:
            NotSent: the name cannot be resolved, or leads to an address that is not allowed.
        """
        if self._allow_private:
            return self._client("", "", 0)
        host, port = _place(url)
        return self._client(host, await self._address(host, port), port)

    async def _address(self, host: str, port: int) -> str:
        """The host's address; looked up and checked anew after a few seconds."""
        known, until_s = self._addresses.get((host, port), ("", 0.0))
        if monotonic() < until_s:
            return known
        address = await addresses.public_address(host, port, self._resolve)
        if len(self._addresses) >= _MOST_PINNED:
            del self._addresses[next(iter(self._addresses))]
        self._addresses[host, port] = address, monotonic() + _ADDRESS_KEPT_S
        return address

    def _client(self, host: str, address: str, port: int) -> Client:
        key = (host, address)
        if key not in self._clients:
            if len(self._clients) >= _MOST_PINNED:
                # Its connections end with the last request that uses them. `close` would cut off those in flight.
                del self._clients[next(iter(self._clients))]
            self._clients[key] = self._build(host, address, port)
        return self._clients[key]

    def _build(self, host: str, address: str, port: int) -> Client:
        builder = (
            ClientBuilder()
            .follow_redirects(False)  # noqa: FBT003 - the library's own form
            .referer(False)  # noqa: FBT003 - the same
            .default_cookie_store(False)  # noqa: FBT003 - the same
            .no_proxy()
            .user_agent(_USER_AGENT)
            .connect_timeout(timedelta(seconds=self._timeout_s * _CONNECT_SHARE))
        )
        if host:
            # The address that was checked is the one that is used: a second resolution could lead elsewhere.
            builder = builder.resolve(host, address, port)
        return builder.build()

    async def read(self, response: Response) -> HttpResponse:
        """The whole answer, its body cut at the bound."""
        reader, chunks, size = response.body_reader, [], 0
        while size <= self._max_body_bytes and (chunk := await reader.read(_READ_BYTES)) is not None:
            chunks.append(bytes(chunk))
            size += len(chunk)
        body = b"".join(chunks)
        return HttpResponse(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body[: self._max_body_bytes],
            truncated=size > self._max_body_bytes,
        )


class AttemptHttp:
    """One attempt's HTTP client (`sendto.sdk.Http`)."""

    def __init__(self, transport: Transport, deadline_s: float, clock: Clock) -> None:
        self._transport = transport
        self._deadline_s = deadline_s
        self._clock = clock
        self.requests = 0
        """requests that were started"""
        self.sent = False
        """whether anything may have reached the provider"""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request and read its whole answer.

        Raises:
            TooLate: the deadline has passed; nothing was sent.
            NotSent: nothing left this machine.
            AnswerLost: something may have arrived there.
        """
        client = await self._transport.client_for(request.url)
        builder = client.request(request.method, request.url).headers(dict(request.headers))
        left_s = self._deadline_s - self._clock.monotonic_s()
        if left_s <= 0:
            raise TooLate
        if request.body:
            builder = builder.body_bytes(request.body)
        self.requests += 1
        sent_before, self.sent = self.sent, True
        try:
            async with builder.timeout(timedelta(seconds=left_s)).build_streamed() as response:
                return await self._transport.read(response)
        except PoolTimeoutError as error:
            self.sent = sent_before
            raise NotSent("connect_failed") from error
        except (ConnectError, ConnectTimeoutError) as error:
            if not _while_connecting(error):
                timed_out = isinstance(error, ConnectTimeoutError)
                raise AnswerLost("timeout" if timed_out else "connection_lost", timed_out=timed_out) from error
            self.sent = sent_before
            raise NotSent("connect_failed") from error
        except BuilderError as error:
            self.sent = sent_before
            raise NotSent("request_invalid") from error
        except RequestTimeoutError as error:
            raise AnswerLost("timeout", timed_out=True) from error
        except PyreqwestError as error:
            raise AnswerLost("connection_lost") from error


@lru_cache(maxsize=256)
def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _while_connecting(error: DetailedPyreqwestError) -> bool:
    """Whether the connection was never made.

    The library's exception is the same for a connection that broke after the request was sent; its causes differ.
    """
    causes = (error.details or {}).get("causes") or []
    return any(cause["message"] == _CONNECTING for cause in causes)
