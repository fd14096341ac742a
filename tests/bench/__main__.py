"""Measures a system that `sendto up` brings up: orders in, deliveries out, and the time between.

Figures depend on the machine and on what else runs on it: compare ratios within one run, quote medians of several.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a module of the clone, outside pytest

from infra.bodies import customer, order
from infra.command import System
from infra.eventually import eventually
from infra.serving import Caller

from sendto_cli.home import Run

_IN_FLIGHT = 32
_PAGE = 1_000


async def _post(api: Caller, count: int) -> list[int]:
    body = order(customer=customer())
    made: list[int] = []

    async def one_after_another() -> None:
        while len(made) < count:
            made.append(0)
            place = len(made) - 1
            reply = await api("POST", "/v3/orders", body)
            assert reply.status == 201, reply.content
            made[place] = int(reply.json["order_id"])

    await asyncio.gather(*(one_after_another() for _ in range(_IN_FLIGHT)))
    return made


async def _log(sandbox: Caller, after: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    while True:
        page = (await sandbox("GET", f"/v1/log?after={after}&limit={_PAGE}")).json["data"]
        if not page:
            return entries
        entries += page
        after = page[-1]["id"]


async def _orders_in(api: Caller, count: int) -> tuple[float, list[int]]:
    began = perf_counter()
    made = await _post(api, count)
    return count / (perf_counter() - began), made


async def _deliveries_out(api: Caller, ops: Caller, sandbox: Caller, count: int) -> float:
    """A backlog of `count` lanes, from the moment that the provider is resumed until it holds them all."""
    before = len(await _log(sandbox, 0))
    await ops("POST", "/ops/providers/sandbox/pause", {"reason": "bench"})
    await _post(api, count)

    async def all_due() -> bool:
        text = (await ops("GET", "/metrics")).content.decode()
        due = [line for line in text.splitlines() if line.startswith('sendto_lanes{provider="sandbox",state="due"}')]
        return bool(due) and float(due[0].split()[-1]) >= count

    await eventually(all_due, 300)
    await ops("POST", "/ops/providers/sandbox/resume")

    async def all_held() -> list[dict[str, Any]] | None:
        entries = await _log(sandbox, before)
        return entries if len(entries) >= count else None

    entries = await eventually(all_held, 300)
    assert entries is not None
    times: list[float] = [entry["at"] for entry in entries]
    return (count - 1) / (max(times) - min(times))


async def _latencies(api: Caller, sandbox: Caller, database_url: str, count: int) -> list[float]:
    """Milliseconds from a write's moment in the database until the provider has the request, one order at a time."""
    begun = len(await _log(sandbox, 0))
    ids = []
    for number in range(count):
        reply = await api("POST", "/v3/orders", order(customer=customer()))
        ids.append(int(reply.json["order_id"]))

        async def arrived(wanted: int = begun + number + 1) -> bool:
            return bool(await _log(sandbox, wanted - 1))

        await eventually(arrived)
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT order_id, occurred_at FROM outbox WHERE order_id = ANY($1::bigint[])", ids)
    await connection.close()
    stored: dict[str, datetime] = {str(row["order_id"]): row["occurred_at"] for row in rows}
    entries = await _log(sandbox, begun)
    return [(float(entry["at"]) - stored[entry["reference"]].timestamp()) * 1000 for entry in entries]


async def _measure(run: Run, orders: int) -> dict[str, float]:
    api, sandbox = Caller(run.api_url, run.token), Caller(run.sandbox_url)
    ops = Caller(run.dispatcher_url, run.ops_token)
    rates_in, rates_out = [], []
    for _ in range(3):
        rate, made = await _orders_in(api, orders)
        rates_in.append(rate)

        async def all_held(wanted: str = str(max(made))) -> bool:
            return (await sandbox("GET", f"/v1/recipients/{wanted}")).status == 200

        await eventually(all_held, 300)
        rates_out.append(await _deliveries_out(api, ops, sandbox, orders))
    latencies = sorted(await _latencies(api, sandbox, run.api_database_url, 200))
    for caller in (api, sandbox, ops):
        await caller.close()
    return {
        "orders_in_per_s": round(statistics.median(rates_in)),
        "deliveries_out_per_s": round(statistics.median(rates_out)),
        "commit_to_provider_p50_ms": round(latencies[len(latencies) // 2], 1),
        "commit_to_provider_p99_ms": round(latencies[int(len(latencies) * 0.99)], 1),
    }


def main() -> None:
    """Measure and print; the figures also as JSON to a file."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--orders", type=int, default=2_000, help="orders of each of three rounds")
    options.add_argument("--json", type=Path, help="where to write the figures")
    chosen = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        System(Path(folder) / "home", "--port-base", "0").running() as system,
    ):
        figures = uvloop.run(_measure(system.when_ready(), chosen.orders))
    for name, figure in figures.items():
        sys.stdout.write(f"{name:28} {figure}\n")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
