"""A provider that costs as little as it can: takes events over HTTP, answers after a fixed time, counts.

Run as a process of its own (`python -m bench.receiver`); it prints its port. `GET /stats` tells what came, `PUT /reset`
forgets it, with a new behaviour (`Behaviour`), `PUT /behaviour` does not forget.
"""

import asyncio
import sys
from dataclasses import dataclass, field
from time import time

import httptools
import msgspec
import uvloop

_OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_DOWN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
_LIMITED = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n"
_FAILS = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


class _Data(msgspec.Struct):
    order_id: int


class _Event(msgspec.Struct):
    data: _Data
    orderversion: int = 0
    type: str = ""


class Behaviour(msgspec.Struct):
    """How it treats what comes."""

    latency_s: float = 0.005
    down: bool = False
    """answers nothing but 503"""
    failing: frozenset[int] = frozenset()
    """orders that always get 500"""
    hanging: frozenset[int] = frozenset()
    """orders that never get an answer"""
    throttled_s: int = 0
    """answers nothing but 429, with this `Retry-After`"""
    limit_per_s: float = 0.0
    """what is more gets 429; 0: no limit"""
    burst: float = 1.0
    """how many may come at once within the limit"""


@dataclass
class Received:
    """What came since the last reset."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    count: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    refused: int = 0
    """answered with 503 or 429"""
    room: float = 0.0
    """what the limit still lets through"""
    room_at: float = 0.0
    newest: dict[int, int] = field(default_factory=dict)
    newest_at: float = 0.0
    """when an order's newest version came that was not held before"""
    repeated: int = 0
    older: int = 0
    rate: dict[int, int] = field(default_factory=dict)
    """requests by second since the first"""
    arrivals: dict[int, float] = field(default_factory=dict)
    """when an order's newest version came first"""

    def take(self, body: bytes) -> bytes | None:
        """Count a request; the answer to it, or None if it gets none."""
        now = time()
        event = msgspec.json.decode(body, type=_Event)
        order_id, version = event.data.order_id, event.orderversion
        self.first_at = self.first_at or now
        self.last_at = now
        self.count += 1
        second = int(now - self.first_at)
        self.rate[second] = self.rate.get(second, 0) + 1
        if refusal := self._refusal(now):
            self.refused += 1
            return refusal
        if order_id in self.behaviour.failing:
            return _FAILS
        if order_id in self.behaviour.hanging:
            return None
        held = self.newest.get(order_id, -1)
        if version > held:
            self.newest[order_id], self.newest_at, self.arrivals[order_id] = version, now, now
        elif version == held:
            self.repeated += 1
        else:
            self.older += 1
        return _OK

    def _refusal(self, now: float) -> bytes | None:
        if self.behaviour.down:
            return _DOWN
        if self.behaviour.throttled_s:
            return _LIMITED % self.behaviour.throttled_s
        if not self.behaviour.limit_per_s:
            return None
        elapsed_s = now - self.room_at if self.room_at else 1e6
        self.room = min(self.behaviour.burst, self.room + elapsed_s * self.behaviour.limit_per_s)
        self.room_at = now
        if self.room < 1:
            return _LIMITED % 1
        self.room -= 1
        return None

    def stats(self, *, whole: bool) -> bytes:
        """The figures; with what is held of each order and when it came, if `whole`."""
        figures: dict[str, object] = {
            "count": self.count,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "refused": self.refused,
            "orders": len(self.newest),
            "newest_at": self.newest_at,
            "repeated": self.repeated,
            "older": self.older,
            "rate": self.rate,
        }
        if whole:
            figures |= {"newest": self.newest, "arrivals": self.arrivals}
        return msgspec.json.encode(figures)


@dataclass
class Desk:
    """What all connections share: what was received since the last reset."""

    received: Received = field(default_factory=Received)


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's call."""
        self._transport = transport  # type: ignore[assignment]  # a stream transport

    def data_received(self, data: bytes) -> None:
        """Asyncio's call."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """The parser's call."""
        self._path = url
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        """The parser's call."""
        self._body += body

    def on_message_complete(self) -> None:
        """The parser's call."""
        received = self._desk.received
        match self._parser.get_method(), self._path:
            case b"POST", b"/v1/traces":
                self._write(_OK)
            case b"POST", _:
                answer = received.take(bytes(self._body))
                if answer is not None:
                    asyncio.get_running_loop().call_later(received.behaviour.latency_s, self._write, answer)
            case b"PUT", b"/reset":
                self._desk.received = Received(msgspec.json.decode(bytes(self._body), type=Behaviour))
                self._write(_OK)
            case b"PUT", b"/behaviour":
                received.behaviour = msgspec.json.decode(bytes(self._body), type=Behaviour)
                self._write(_OK)
            case b"GET", path:
                body = received.stats(whole=path == b"/whole")
                self._write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            case _:
                self._write(_OK)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def main() -> None:
    """Serve until ended."""
    desk = Desk()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(desk), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
