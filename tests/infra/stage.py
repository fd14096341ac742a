"""A whole system whose parts a test stops and starts, and commands that find it by the environment."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from infra.bodies import customer, order
from infra.events import Upstream
from infra.sandbox import Provider
from infra.serving import Caller, served
from infra.topics import producing
from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings, load
from sendto.runtime.supervisor import Supervisor
from sendto_api.app import Api
from sendto_api.outbox.relay import Relay
from sendto_api.settings import ApiSettings
from sendto_dispatcher.app import Dispatcher
from sendto_dispatcher.settings import DispatcherSettings

PROVIDER = "acme"
CONFIG = """\
[log]
level = "warning"
[kafka]
bootstrap_servers = "{kafka}"
request_timeout_s = 3
[topics]
{topics}
[api]
database_url = "file:api"
port = 0
[dispatcher]
database_url = "file:dispatcher"
port = 0
digest_key = "file:digest_key"
config_poll_s = 0.1
[dispatcher.intake]
session_timeout_s = 3
poll_timeout_s = 0.05
retry_pause_s = 0.1
[dispatcher.engine]
poll_interval_s = 0.2
probe_interval_s = 0.2
recovery_spread_s = 0.2
drain_s = 3
[providers.{provider}]
adapter = "sandbox"
enabled = {enabled}
[providers.{provider}.config]
url = "{url}"
token = "file:secret"
[providers.{provider}.retry]
base_s = 0.05
cap_s = 0.2
[routing]
default = ["{provider}"]
[sources]
allow = {allow}
"""
SHELL_S = 300


class Stage:
    """The system. Its parts are named `api`, `relay` and `dispatcher`.

    Args:
        folder: for its configuration.
        urls: of its two databases, `api` and `dispatcher`.
        kafka: the bootstrap servers.
        topics: the topics.
        provider: the sandbox; it wants the token in the file `secret`.
    """

    def __init__(
        self, folder: Path, urls: dict[str, str], kafka: str, topics: TopicSettings, provider: Provider
    ) -> None:
        self.folder = folder
        self.urls = urls
        self.kafka = kafka
        self.topics = topics
        self.provider = provider
        self.config: dict[str, Any] = {
            "provider": PROVIDER,
            "enabled": True,
            "url": provider.url,
            "allow": ["/sendto/api"],
        }
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "SENDTO_CONFIG": str(self.file),
        }
        self._running: dict[str, AsyncExitStack] = {}

    @property
    def file(self) -> Path:
        """The configuration file."""
        return self.folder / "sendto.toml"

    def configure(self, **changes: Any) -> None:
        """Write the configuration, changed; a running dispatcher reads it by itself."""
        self.config |= changes
        for name, secret in (self.urls | {"digest_key": "for tests"}).items():
            (self.folder / name).write_text(secret)
        words = (
            self.config
            | self.urls
            | {
                "enabled": str(self.config["enabled"]).lower(),
                "allow": json.dumps(self.config["allow"]),
                "kafka": self.kafka,
                "topics": "\n".join(
                    f"{name} = {json.dumps(value)}" for name, value in self.topics.model_dump().items()
                ),
            }
        )
        draft = self.folder / "draft.toml"
        draft.write_text(CONFIG.format(**words))
        draft.replace(self.file)

    async def value(self, statement: str) -> Any:
        """What the dispatcher's database answers."""
        connection = await asyncpg.connect(self.urls["dispatcher"])
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def digest(self) -> str:
        """Of the configuration that the dispatcher uses."""
        return str(await self.value("SELECT config_digest FROM replica ORDER BY started_at DESC LIMIT 1"))

    async def ops(self, method: str, path: str, body: Any = None) -> Any:
        """Call the ops API."""
        return await self._call("DISPATCHER", "OPS", method, f"/ops{path}", body)

    async def start(self, *names: str) -> None:
        """Start parts."""
        parts: dict[str, Callable[[], AbstractAsyncContextManager[str]]] = {
            "api": self._api,
            "relay": self._relay,
            "dispatcher": self._dispatcher,
        }
        for name in names:
            self._running[name] = AsyncExitStack()
            url = await self._running[name].enter_async_context(parts[name]())
            if url:
                self.env[f"SENDTO_{name.upper()}_URL"] = url

    def release(self, name: str) -> AsyncExitStack:
        """Let go of a part, which runs on until the stack is closed; another one may be started beside it."""
        return self._running.pop(name)

    async def stop(self, *names: str) -> None:
        """Stop parts, or all that run."""
        for name in names or tuple(self._running):
            await self._running.pop(name).aclose()

    async def shell(self, lines: str, **more: str) -> str:
        """Run shell lines as a person would; what they print."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", lines),
            cwd=self.folder,
            env=self.env | more,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(SHELL_S):
            output, errors = await process.communicate()
        assert process.returncode == 0, f"{lines}\n{output.decode()}\n{errors.decode()}"
        return output.decode()

    async def tokens(self) -> None:
        """Make the tokens that commands use."""
        ops = "sendto token create --for ops --permissions '*' --quiet"
        self.env["SENDTO_API_TOKEN"] = (await self.shell("sendto token create --permissions '*' --quiet")).strip()
        self.env["SENDTO_OPS_TOKEN"] = (await self.shell(ops)).strip()

    async def order(self, first_name: str = "Ada") -> int:
        """A new order with a customer of this name; its number."""
        reply = await self.call("POST", "/v3/orders", order(customer=customer(first_name=first_name)))
        return int(reply["order_id"])

    async def rename(self, order_id: int, first_name: str) -> None:
        """Change an order's customer."""
        await self.call("PATCH", f"/v3/orders/{order_id}/customer", {"first_name": first_name})

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API."""
        return await self._call("API", "API", method, path, body)

    async def _call(self, service: str, token: str, method: str, path: str, body: Any) -> Any:
        caller = Caller(self.env[f"SENDTO_{service}_URL"], self.env[f"SENDTO_{token}_TOKEN"])
        try:
            reply = await caller(method, path, body)
        finally:
            await caller.close()
        assert reply.status < 300, reply.content
        return reply.json

    @asynccontextmanager
    async def upstream(self, source: str) -> AsyncIterator[Upstream]:
        """A system that publishes for itself."""
        async with producing(self.kafka) as producer:
            yield Upstream(producer, self.topics.events, source)

    @asynccontextmanager
    async def _api(self) -> AsyncIterator[str]:
        settings = load(ApiSettings, self.file, {})
        async with served(Api(settings, Supervisor()).app()) as url:
            yield url

    @asynccontextmanager
    async def _dispatcher(self) -> AsyncIterator[str]:
        settings = load(DispatcherSettings, self.file, {})
        async with served(Dispatcher(settings, self.folder, self.file).app()) as url:
            yield url

    @asynccontextmanager
    async def _relay(self) -> AsyncIterator[str]:
        settings = load(ApiSettings, self.file, {})
        database = Database(settings.api, application_name="sendto-relay")
        supervisor = Supervisor()
        supervisor.start("relay", Relay(settings.relay, settings.kafka, settings.topics, database).run)
        try:
            yield ""
        finally:
            await supervisor.stop()
            await database.close()
