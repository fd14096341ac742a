"""The sandbox provider on a socket, and what tests ask of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from infra.eventually import eventually
from infra.serving import Caller, served
from sendto.runtime.supervisor import Supervisor
from sendto_sandbox.app import Sandbox
from sendto_sandbox.connection import ResettableProtocol
from sendto_sandbox.settings import SandboxSection, SandboxSettings


class Provider:
    """What the sandbox holds, how it behaves, what it was asked."""

    def __init__(self, caller: Caller, app: Sandbox | None = None) -> None:
        self.url = caller.url
        self._call = caller
        self._app = app

    async def get(self, reference: object) -> dict[str, Any] | None:
        """The object with this reference."""
        reply = await self._call("GET", f"/v1/recipients/{reference}")
        return reply.json if reply.status == 200 else None

    async def put(self, reference: object, state: dict[str, Any] | None) -> None:
        """Hold this, as somebody else's doing."""
        reply = await self._call("PUT", f"/v1/recipients/{reference}", state)
        assert reply.status < 300, reply.content

    async def remove(self, reference: object) -> None:
        """Hold this no more, as somebody else's doing."""
        reply = await self._call("DELETE", f"/v1/recipients/{reference}")
        assert reply.status < 300, reply.content

    def want(self, token: str) -> None:
        """Let nobody in but with this token from now on."""
        assert self._app is not None
        self._app.want(token)
        self._call = self._call.with_token(token)

    async def behave(self, **behaviour: Any) -> None:
        """Behave like this from now on; nothing: well."""
        reply = await self._call("PUT", "/v1/behaviour", behaviour)
        assert reply.status == 200, reply.content

    async def log(self, reference: object = None) -> list[dict[str, Any]]:
        """The writes that it was asked for, oldest first."""
        entries = (await self._call("GET", "/v1/log?limit=1000")).json["data"]
        return [entry for entry in entries if reference is None or entry["reference"] == str(reference)]

    async def count(self) -> int:
        """How many objects it holds."""
        return int((await self._call("GET", "/v1/overview")).json["count"])

    async def holds(self, reference: object, patience_s: float = 60.0, **fields: Any) -> dict[str, Any]:
        """Wait until the object is there with these fields."""

        async def as_wanted() -> dict[str, Any] | None:
            found = await self.get(reference)
            return found if found and all(found[name] == value for name, value in fields.items()) else None

        found = await eventually(as_wanted, patience_s)
        assert found is not None
        return found

    async def lacks(self, reference: object) -> None:
        """Wait until the object is gone."""

        async def gone() -> bool:
            return await self.get(reference) is None

        await eventually(gone)


@asynccontextmanager
async def sandbox(folder: Path, token: str | None = None) -> AsyncIterator[Provider]:
    """Serve a sandbox with its state in a folder."""
    section = SandboxSection.model_validate({"data_dir": folder, "port": 0, "token": token})
    app = Sandbox(SandboxSettings(sandbox=section), Supervisor())
    async with served(app, ResettableProtocol) as url:
        caller = Caller(url, token)
        yield Provider(caller, app)
        await caller.close()
