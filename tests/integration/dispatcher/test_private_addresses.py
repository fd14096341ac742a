"""A webhook reaches no private address: not by its URL, not by what its name leads to, not later, not by a redirect."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from infra.eventually import eventually
from infra.secret_settings import source_of

from sendto.kernel.clock import SystemClock
from sendto.sdk import HttpRequest, HttpResponse, NotSent
from sendto_dispatcher.engine.provider import build_provider
from sendto_dispatcher.engine.transport import Transport
from sendto_dispatcher.settings import EngineSettings, ProviderSettings

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
PRIVATE_URLS = [
    "https://10.0.0.1/hook",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.168.1.1/hook",
    "https://0.0.0.0/hook",
    "https://127.0.0.2/hook",
    "https://[::ffff:10.0.0.1]/hook",
    "https://[::ffff:169.254.169.254]/hook",
    "https://[fd00::1]/hook",
    "https://[fe80::1]/hook",
    "https://0x0a000001/hook",
    "https://167772161/hook",
    "https://012.0.0.1/hook",
]


class Server:
    """Counts its connections, and answers each with what it is told."""

    def __init__(self) -> None:
        self.connections = 0
        self.answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"

    @asynccontextmanager
    async def listening(self, host: str) -> AsyncIterator[int]:
        """Listen on one address; the port."""
        server = await asyncio.start_server(self._serve, host, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


class Names:
    """A name server whose answers change."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, _: str, __: int) -> Sequence[str]:
        """The next answer; the last one again and again."""
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _transport(names: Names) -> Transport:
    return Transport(timeout_s=5.0, max_body_bytes=1000, allow_private=False, resolve=names)


async def _get(transport: Transport, url: str) -> HttpResponse:
    attempt = transport.attempt(deadline_s=monotonic() + 5.0, clock=SystemClock())
    response = await attempt.send(HttpRequest("GET", url))
    assert attempt.sent
    return response


async def _refused(transport: Transport, url: str) -> str:
    attempt = transport.attempt(deadline_s=monotonic() + 5.0, clock=SystemClock())
    with pytest.raises(NotSent) as refused:
        await attempt.send(HttpRequest("GET", url))
    assert not attempt.sent
    return refused.value.code


@pytest.mark.parametrize("url", PRIVATE_URLS)
async def test_a_configured_webhook_sends_nothing_to_a_private_address(url: str) -> None:
    settings = ProviderSettings(adapter="webhook", config={"url": url, "secrets": [source_of(SECRET)]})
    provider = build_provider("acme", settings, EngineSettings(), Path())

    assert await _refused(provider.transport, url) == "private_address"
    await provider.transport.close()


async def test_the_address_that_was_looked_at_is_the_one_that_is_used() -> None:
    """This machine's own look-up of the name would lead elsewhere, where nobody listens."""
    server, names = Server(), Names(["127.0.0.3"])
    transport = _transport(names)
    async with server.listening("127.0.0.3") as port:
        assert (await _get(transport, f"http://localhost:{port}/hook")).status == 204
    await transport.close()

    assert server.connections == 1


@pytest.mark.parametrize("later", ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "127.0.0.3"])
async def test_a_name_that_is_bound_to_a_private_address_later_is_refused(
    later: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("sendto_dispatcher.engine.transport.monotonic", lambda: now_s)
    names = Names(["1.1.1.1"], [later])
    transport = _transport(names)
    await transport.client_for("https://shop.example/hook")
    now_s += 3600.0

    assert await _refused(transport, "https://shop.example/hook") == "private_address"
    assert names.asked == 2
    await transport.close()


class Keeping(Server):
    """Keeps its connections open; one request waits until it is told to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                if b"/slow" in await reader.readuntil(b"\r\n\r\n"):
                    self.reached.set()
                    await self.go_on.wait()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except asyncio.IncompleteReadError:
            self.open -= 1
            writer.close()


async def test_connections_to_an_address_of_before_end_once_nothing_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendto_dispatcher.engine.transport._ADDRESS_KEPT_S", 0.0)
    kept, names = Keeping(), Names(["127.0.0.3"], ["127.0.0.3"], *([f"1.1.1.{number}"] for number in range(20)))
    transport = _transport(names)
    async with kept.listening("127.0.0.3") as port:
        await _get(transport, f"http://localhost:{port}/hook")
        slow = asyncio.create_task(_get(transport, f"http://localhost:{port}/slow"))
        await kept.reached.wait()
        for _ in range(20):
            await transport.client_for(f"http://localhost:{port}/hook")

        kept.go_on.set()
        assert (await slow).status == 204

        async def ended() -> bool:
            return kept.open == 0

        await eventually(ended)
    await transport.close()


async def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    inner, outer = Server(), Server()
    transport = _transport(Names(["127.0.0.1"]))
    async with inner.listening("127.0.0.3") as inner_port, outer.listening("127.0.0.1") as outer_port:
        place = f"http://127.0.0.3:{inner_port}/secret"
        outer.answer = f"HTTP/1.1 307 Moved\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n".encode()
        assert (await _get(transport, f"http://localhost:{outer_port}/hook")).status == 307
    await transport.close()

    assert (outer.connections, inner.connections) == (1, 0)


async def test_a_private_address_is_reached_where_it_is_allowed() -> None:
    server = Server()
    async with server.listening("127.0.0.3") as port:
        config = {"url": f"https://127.0.0.3:{port}/hook", "secrets": [source_of(SECRET)], "allow_private": True}
        provider = build_provider("acme", ProviderSettings(adapter="webhook", config=config), EngineSettings(), Path())
        assert (await _get(provider.transport, f"http://127.0.0.3:{port}/hook")).status == 204
        await provider.transport.close()

    assert server.connections == 1
