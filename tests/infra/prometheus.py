"""Debian's Prometheus over services of a test, with our alert rules, in which nothing waits before it fires."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from pyreqwest.exceptions import PyreqwestError

from infra.eventually import eventually
from infra.servers import free_port
from infra.serving import Caller
from infra.tools import tool

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str) -> None:
        self._call = Caller(url)

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression comes to now: its samples, each with `metric` and `value`."""
        reply = await self._call("GET", f"/api/v1/query?query={quote(expression)}")
        assert reply.status == 200, (expression, reply.content)
        result: list[dict[str, Any]] = reply.json["data"]["result"]
        return result

    async def firing(self) -> list[dict[str, str]]:
        """The labels of the alerts that fire, each with its summary."""
        alerts = (await self._call("GET", "/api/v1/alerts")).json["data"]["alerts"]
        return [one["labels"] | one["annotations"] for one in alerts if one["state"] == "firing"]

    async def names(self) -> set[str]:
        """The names of all metrics that it has seen."""
        return set((await self._call("GET", "/api/v1/label/__name__/values")).json["data"])


@asynccontextmanager
async def prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> AsyncIterator[Prometheus]:
    """Run it for a block, over `host:port` targets by job."""
    program, port = tool("prometheus"), free_port()
    _write_configuration(folder, targets)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig=KILL", "--", program),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        assert process.returncode is None, (folder / "log").read_text()[-2000:]
        try:
            return (await Caller(url)("GET", "/-/ready")).status == 200
        except PyreqwestError:
            return False

    try:
        await eventually(ready)
        yield Prometheus(url)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def add_target(folder: Path, job: str, places: Sequence[str]) -> None:
    """Scrape these from now on."""
    found = json.dumps([{"targets": list(places)}])
    fresh = folder / f"{job}.new"
    fresh.write_text(found, encoding="utf-8")
    fresh.replace(folder / f"{job}.json")


def _write_configuration(folder: Path, targets: Mapping[str, Sequence[str]]) -> None:
    folder.mkdir(parents=True)
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (folder / "rules.yml").write_text(json.dumps(rules), encoding="utf-8")
    for job, places in targets.items():
        add_target(folder, job, places)
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {"job_name": job, "file_sd_configs": [{"files": [str(folder / f"{job}.json")], "refresh_interval": "1s"}]}
            for job in targets
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
