"""The composed stack, where a Docker engine answers that has its images or can get them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from infra.bodies import customer, order
from infra.eventually import eventually
from infra.servers import KAFKA_IMAGE, POSTGRES_IMAGE, engine_has
from infra.serving import Caller

from sendto_cli.up.probes import http_ready

ROOT = Path(__file__).parents[2]
LINE = "docker compose --file deploy/compose.yaml up --detach"
_SERVICES = {"api": 8080, "relay": 8083, "dispatcher": 8081, "sandbox": 8082}
_UP_S = 600
_PATIENCE_S = 120.0


class _Stack:
    """The stack under a name of its own, its ports free ones."""

    def __init__(self, folder: Path) -> None:
        ports = {**_SERVICES, "postgres": 5432, "kafka": 9094}
        free = folder / "ports.yaml"
        lines = [f'  {name}:\n    ports: !override ["127.0.0.1::{port}"]' for name, port in ports.items()]
        free.write_text("\n".join(["services:", *lines]))
        words = LINE.split()
        self._compose = [*words[:4], "--file", str(free), "--project-name", f"sendto-{uuid4().hex[:8]}"]
        self._up = words[4:]

    def up(self) -> None:
        self(*self._up)

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._compose, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=_UP_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def url(self, service: str) -> str:
        return f"http://{self('port', service, str(_SERVICES[service]))}"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[_Stack]:
    """The stack, up."""
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], check=False).returncode:
        pytest.skip("there is no docker compose command")
    base = re.findall(r"^FROM (\S+:\S+)", (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for image in {POSTGRES_IMAGE, KAFKA_IMAGE, *base}:
        if not engine_has(image):
            pytest.skip(f"no Docker engine answers that has {image} or can get it")
    stack = _Stack(tmp_path)
    try:
        stack.up()
        yield stack
    finally:
        stack("down", "--volumes", "--timeout", "5")


async def test_a_customer_goes_the_whole_way_through_the_stack(stack: _Stack) -> None:
    for service in _SERVICES:
        await eventually(partial(http_ready, stack.url(service)), _PATIENCE_S)
    token = stack("exec", "-T", "api", "sendto", "token", "create", "--permissions", "*", "--quiet")
    made = await Caller(stack.url("api"), token)("POST", "/v3/orders", order(customer=customer()))
    sandbox = Caller(stack.url("sandbox"))

    async def held() -> bool:
        return (await sandbox("GET", f"/v1/recipients/{made.json['order_id']}")).status == 200

    await eventually(held, _PATIENCE_S)
