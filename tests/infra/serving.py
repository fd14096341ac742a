"""ASGI applications on a socket, and a client for them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn
from pyreqwest.client import Client, ClientBuilder

from sendto.runtime.serving import Server, listen
from sendto.runtime.settings import HttpSettings

_GRACE_S = 30
"""so long a stop waits for calls that do not end"""


@asynccontextmanager
async def served(app: Any, http: Any = "httptools") -> AsyncIterator[str]:
    """Serve an application, its lifespan included; the address."""
    settings = HttpSettings(port=0)
    listener = listen(settings)
    config = uvicorn.Config(
        app,
        lifespan="on",
        http=http,
        log_config=None,
        access_log=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            assert not serving.done(), "the application did not start"
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return msgspec.json.decode(self.content)


class Caller:
    """An HTTP client with a bearer token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.token = token
        self._client: Client = ClientBuilder().no_proxy().build()

    def with_token(self, token: str | None) -> "Caller":
        """The same address, somebody else."""
        return Caller(self.url, token)

    async def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request; `body` is bytes as they are, anything else as JSON."""
        request = self._client.request(method, self.url + path)
        if self.token is not None:
            request = request.bearer_auth(self.token)
        if body is not None:
            if not isinstance(body, bytes):
                body = msgspec.json.encode(body)
            request = request.body_bytes(body)
            if "content-type" not in {name.lower() for name in headers or {}}:
                request = request.header("content-type", "application/json")
        response = await request.headers(dict(headers or {})).build().send()
        content = bytes(await response.bytes())
        return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, content)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()
