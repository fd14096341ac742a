"""A third party's adapter: written by `sendto adapter new`, built, installed into a clean environment, and used.

The environment is made from the very wheels that this one was: nothing of this checkout is on its path.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_acme import TOKEN, FakeAcme
from infra.events import Upstream
from infra.eventually import eventually
from infra.servers import free_port
from infra.serving import served
from infra.topics import producing

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings
from sendto.sdk.testing import Received
from sendto_cli.up.probes import http_ready
from sendto_dispatcher.store.tokens import create_token

ROOT = Path(__file__).parents[2]
NAME = "heron"


class Environment:
    """A virtual environment of its own, with sendto and the plugin in it."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.project = folder.with_name(f"sendto-{NAME}")

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a Python module in the project's folder; its output."""
        done = subprocess.run(
            [self.python, "-m", *command],
            cwd=self.project,
            env=_clean(env),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _clean(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENDTO_", "PYTHON", "VIRTUAL_"))}
    return kept | {"VIRTUAL_ENV": ""} | dict(more or {})


def _done(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, env=_clean(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _installed(python: Path, *arguments: str | Path) -> None:
    """Install from uv's cache, where `make install` has put everything; else from the registry."""
    uv: list[str | Path] = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--python", python]
    offline = subprocess.run([*uv, "--offline", *arguments], cwd=ROOT, env=_clean(), capture_output=True, check=False)
    if offline.returncode != 0:
        _done(*uv, *arguments)


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The plugin's project, and an environment in which its wheel and sendto's are installed."""
    folder = tmp_path_factory.mktemp("plugin")
    environment = Environment(folder / "venv")
    _done(sys.executable, "-m", "sendto_cli", "adapter", "new", NAME, cwd=folder)
    for source in (ROOT, environment.project):
        _done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheels"), cwd=source)
    _done(sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, folder / "venv")
    _installed(environment.python, "--require-hashes", "-r", ROOT / "requirements.lock")
    _installed(environment.python, *sorted((folder / "wheels").iterdir()))
    return environment


def test_it_is_discovered(plugged: Environment) -> None:
    found = {one["name"]: one for one in json.loads(plugged.run("sendto_cli", "adapter", "list", "--json"))}

    assert found[NAME] == {"name": NAME, "distribution": f"sendto-{NAME}", "version": "0.1.0", "problem": None}
    where = plugged.run("sendto_cli", "adapter", "docs", NAME)
    assert f'adapter = "{NAME}"' in where


def test_it_passes_its_own_tests_and_the_kit(plugged: Environment) -> None:
    told = plugged.run("pytest", "-q", "-p", "no:cacheprovider")
    assert int(told.rsplit(" passed", 1)[0].split()[-1]) > 30

    kept = plugged.run("sendto_cli", "adapter", "test", "tests/test_conformance.py", "--only", "lost_answer")
    assert "all 1 promises are kept" in kept


def test_its_code_is_as_clean_as_ours(plugged: Environment) -> None:
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,B,UP,ASYNC,S",
        "--line-length",
        "120",
    ]
    _done(*ruff, "--ignore", "S101", str(plugged.project))
    _done(sys.executable, "-m", "ruff", "format", "--check", "--isolated", "--line-length", "120", str(plugged.project))


@asynccontextmanager
async def _dispatching(plugged: Environment, config: Path, env: Mapping[str, str], port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig=KILL", "--", str(plugged.python), "-m", "sendto_cli", "dispatcher"),
        *("--config", str(config)),
        cwd=plugged.project,
        env=_clean(env),
        stderr=asyncio.subprocess.PIPE,
    )
    try:

        async def ready() -> bool:
            assert process.returncode is None, await process.communicate()
            return await http_ready(f"http://127.0.0.1:{port}")

        await eventually(ready)
        yield
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


class Heron:
    """The plugin's provider on a socket: the template's own miniature."""

    def __init__(self) -> None:
        self.fake = FakeAcme()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        answer = self.fake.answer(await _received(scope, receive))
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content})


async def _received(scope: Any, receive: Any) -> Received:
    from urllib.parse import parse_qs

    query = scope["query_string"].decode()
    return Received(
        method=scope["method"],
        host="",
        path=scope["path"],
        target=f"{scope['path']}?{query}",
        query=parse_qs(query, keep_blank_values=True),
        headers={name.decode(): value.decode() for name, value in scope["headers"]},
        body=(await receive()).get("body", b""),
    )


async def test_it_is_configured_from_the_file_and_delivers(
    plugged: Environment,
    kafka: str,
    topics: TopicSettings,
    dispatch_url: str,
    dispatch_database: Database,
    tmp_path: Path,
) -> None:
    heron, port, config = Heron(), free_port(), tmp_path / "sendto.toml"
    (tmp_path / "token").write_text(TOKEN + "\n", encoding="utf-8")
    async with served(heron) as url, producing(kafka) as producer:
        config.write_text(
            f"""
            [kafka]
            bootstrap_servers = "{kafka}"
            [topics]
            events = "{topics.events}"
            dead_letters = "{topics.dead_letters}"
            [dispatcher]
            port = {port}
            [providers.birds]
            adapter = "{NAME}"
            [providers.birds.config]
            url = "{url}"
            token = "file:token"
            [routing]
            default = ["birds"]
            """,
            encoding="utf-8",
        )
        env = {
            "SENDTO_DISPATCHER__DATABASE_URL": dispatch_url,
            "SENDTO_DISPATCHER_URL": f"http://127.0.0.1:{port}",
            "SENDTO_OPS_TOKEN": await _ops_token(dispatch_database),
        }
        assert "providers: birds" in plugged.run("sendto_cli", "config", "check", "--config", str(config), env=env)
        async with _dispatching(plugged, config, env, port):
            upstream = Upstream(producer, topics.events)
            await upstream.put(7, 1, mobile_number="07700 900123")
            await _holds(heron, "Ada Lovelace", "+447700900123")
            await upstream.put(7, 2, first_name="Augusta")
            await _holds(heron, "Augusta Lovelace", None)
            await _ops_ask(plugged, heron, env)
            await upstream.delete(7, 3)

            async def gone() -> bool:
                return not heron.fake.held("7")

            await eventually(gone)


async def _ops_token(database: Database) -> str:
    async with database.connection() as connection:
        return await create_token(connection, name="test", permissions=["*"])


async def _ops_ask(plugged: Environment, heron: Heron, env: Mapping[str, str]) -> None:
    """What ops do with any provider, they do with one of a plugin."""

    async def run(*command: str) -> str:
        return await asyncio.to_thread(plugged.run, "sendto_cli", *command, env=env)

    assert "credentials  good" in await run("providers", "check", "birds")
    planned = await run("plan", "7")
    assert "birds, reference 7" in planned
    assert "Augusta" not in planned
    [recipient] = heron.fake.held("7")
    recipient["name"] = "Somebody Else"

    async def mended() -> bool:
        return "name" in await run("audit", "--provider", "birds", "--repair")

    await eventually(mended)
    await _holds(heron, "Augusta Lovelace", None)


async def _holds(heron: Heron, name: str, phone: str | None) -> None:
    async def held() -> bool:
        found = heron.fake.held("7")
        assert len(found) < 2
        return bool(found) and (found[0]["name"], found[0]["phone"]) == (name, phone)

    await eventually(held)
