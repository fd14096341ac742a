"""Providers with every kind of trouble, on one socket: the path says which one is asked."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from infra.serving import served

STATUSES = {"refusing": 422, "failing": 422, "gone": 410, "unauthorized": 401, "erring": 500, "waiting": 429}
SLOW_S = 6.8
PLUGINS = """
from dataclasses import replace
from sendto.sdk import Idempotency
from sendto_dispatcher.adapters.sandbox import SandboxAdapter

class Buggy(SandboxAdapter):
    name = "buggy"
    def content(self, command):
        raise KeyError("nobody expected this")

class Blind(SandboxAdapter):
    name = "blind"
    def __init__(self, config):
        super().__init__(config)
        self.capabilities = replace(self.capabilities, upsert=False, idempotency=Idempotency.NONE, has_fetch=False)

class Keeps(SandboxAdapter):
    name = "keeps"
    def __init__(self, config):
        super().__init__(config)
        self.capabilities = replace(self.capabilities, supports_delete=False)
"""


class Faces:
    """How the providers behave."""

    def __init__(self) -> None:
        self.url = ""
        self.closed_url = ""
        """where nobody listens, and nobody will"""
        self._let = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(0))

    def let(self, face: str, calls: int) -> None:
        """Let so many calls of a face through that holds them."""
        for _ in range(calls):
            self._let[face].release()

    async def answer(self, face: str, request: Request) -> Response:
        """What this provider answers."""
        if face == "slow":
            await asyncio.sleep(SLOW_S)
        if face in {"holding", "behind"} and request.method == "POST":
            await self._let[face].acquire()
        status = STATUSES.get(face, 200)
        headers = {"Retry-After": "600"} if face == "waiting" else {}
        return Response(b'{"id": "one"}', status, headers, "application/json")


@asynccontextmanager
async def faces() -> AsyncIterator[Faces]:
    """Serve them for a block."""
    known, app = Faces(), FastAPI()

    @app.api_route("/{face}", methods=["GET", "OPTIONS", "POST", "PUT", "DELETE"])
    @app.api_route("/{face}/{rest:path}", methods=["GET", "OPTIONS", "POST", "PUT", "DELETE"])
    async def one(face: str, request: Request) -> Response:
        return await known.answer(face, request)

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and no listen: it is taken, and refuses
        known.closed_url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        async with served(app) as url:
            known.url = url
            try:
                yield known
            finally:  # whatever happens: the server waits for the calls that it has
                for face in ("holding", "behind"):
                    known.let(face, 100)


def install_plugins(folder: Path) -> None:
    """Distributions that bring adapters with a fault, one of them so that nobody can import it."""
    folder.mkdir()
    (folder / "faulty.py").write_text(PLUGINS, encoding="utf-8")
    (folder / "unlicensed.py").write_text("raise RuntimeError('no licence')", encoding="utf-8")
    info = folder / "faulty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n", encoding="utf-8")
    lines = ["buggy = faulty:Buggy", "blind = faulty:Blind", "keeps = faulty:Keeps", "unlicensed = unlicensed:Adapter"]
    (info / "entry_points.txt").write_text("[sendto.adapters]\n" + "\n".join(lines) + "\n", encoding="utf-8")
