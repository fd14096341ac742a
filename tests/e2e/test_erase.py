"""`sendto erase` on a running system: killed in the middle, said again, and then nothing of the person is anywhere."""

import asyncio
import json
import re
import time
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import asyncpg
from infra.bodies import order
from infra.command import COMMAND, System, sendto
from infra.eventually import eventually
from infra.serving import Caller
from infra.topics import read_all

from sendto_cli.home import Run

CANARY = "Canarybird"
EMAIL = "canarybird@nest.test"
PERSON = {"first_name": CANARY, "last_name": CANARY, "email": EMAIL}
ORDER = order(**PERSON, comment=CANARY, address={"address_1": CANARY, "country": "GB"}, customer=PERSON)
SOUGHT = [f"%{word}%" for mark in (CANARY.lower(), EMAIL) for word in (mark, mark.encode().hex())]


async def _in_tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        tables = [
            row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        return [
            table
            for table in tables
            if await connection.fetch(f'SELECT 1 FROM "{table}" t WHERE lower(t::text) LIKE ANY($1)', SOUGHT)
        ]
    finally:
        await connection.close()


async def _everywhere(run: Run, home: Path) -> list[str]:
    """Tables and logs in which something of the person is, and the topic that nobody should have told of them."""
    found = [*await _in_tables(run.api_database_url), *await _in_tables(run.dispatcher_database_url)]
    found += [log.name for log in (home / "logs").iterdir() if CANARY.lower().encode() in log.read_bytes().lower()]
    for record in await read_all(run.kafka_bootstrap_servers, "orders.customer.deliveries"):
        found += ["deliveries"] if CANARY.lower().encode() in (record.value or b"").lower() else []
    return found


async def _order(run: Run) -> int:
    caller, sandbox = Caller(run.api_url, run.token), Caller(run.sandbox_url)
    try:
        order_id = int((await caller("POST", "/v3/orders", ORDER, {"Idempotency-Key": CANARY})).json["order_id"])
        assert (await caller("PATCH", f"/v3/orders/{order_id}/customer", {"last_name": "Canarybirds"})).status == 200

        async def held() -> bool:
            reply = await sandbox("GET", f"/v1/recipients/{order_id}")
            return bool(reply.status == 200 and reply.json["last_name"] == "Canarybirds")

        await eventually(held)
        return order_id
    finally:
        await caller.close()
        await sandbox.close()


async def _at_provider(run: Run, order_id: int) -> int:
    sandbox = Caller(run.sandbox_url)
    try:
        return (await sandbox("GET", f"/v1/recipients/{order_id}")).status
    finally:
        await sandbox.close()


async def test_nothing_of_the_person_is_left_though_the_command_was_killed(system: System, run: Run) -> None:
    order_id = await _order(run)
    assert {"order", "customer", "outbox", "order_state"} <= set(await _everywhere(run, system.home))
    command = (*COMMAND, "erase", "--email", "-", "--yes", "--home", str(system.home))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)
    assert process.stdin is not None
    process.stdin.write(EMAIL.upper().encode() + b"\n")
    process.stdin.close()
    deadline = time.monotonic() + 30
    while "customer" in await _in_tables(run.api_database_url):  # the API has begun; what follows is cut off
        assert time.monotonic() < deadline
    process.kill()
    await process.wait()

    done = await asyncio.to_thread(
        sendto, "erase", "--email", "-", "--yes", "--json", "--home", system.home, stdin=EMAIL.encode()
    )

    assert done.returncode == 0, done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    assert receipt["complete"]
    assert await _everywhere(run, system.home) == []
    assert await _at_provider(run, order_id) == 404
    places = {one["place"]: one["until"] for one in receipt["not_reached"]}
    assert places["topic orders.customer"] > "2026"
    assert "backups and replicas of the databases" in places
    assert CANARY.lower() not in (done.stdout + done.stderr).decode().lower()


async def test_the_receipt_names_each_place_and_an_order_goes_by_its_number(system: System, run: Run) -> None:
    order_id = await _order(run)

    asked = await asyncio.to_thread(sendto, "erase", "--order", order_id, "--home", system.home, stdin=b"n\n")
    assert asked.returncode == 1
    assert await _at_provider(run, order_id) == 200
    done = await asyncio.to_thread(sendto, "erase", "--order", order_id, "--yes", "--home", system.home)

    told = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    for part in (
        f"order {order_id} of /sendto/api",
        "1 customers deleted",
        "provider sandbox: removed 1",
        "topic orders.customer:",
        "topic orders.customer.dlq:",
        "backups",
    ):
        assert part in told, told
    # The deletion that the API tells may have emptied it first.
    assert re.search(r"dispatcher: [01] order states emptied", told), told
    assert await _everywhere(run, system.home) == []
    number = told.split(",")[0]
    assert f"{number} has begun" in done.stderr.decode()
    again = await asyncio.to_thread(sendto, "erase", "--receipt", number.split()[1], "--home", system.home)
    assert again.returncode == 0, again.stderr
    assert [line for line in again.stdout.decode().splitlines() if not line.startswith(("API:", "  topic"))] == [
        line for line in told.splitlines() if not line.startswith(("API:", "  topic"))
    ]


async def test_killed_while_a_provider_is_to_be_told_the_receipt_is_found_again(system: System, run: Run) -> None:
    order_id = await _order(run)
    dispatcher = Caller(run.dispatcher_url, run.ops_token)
    await dispatcher("POST", "/ops/providers/sandbox/pause", {"reason": "they restore"})
    command = (*COMMAND, "erase", "--email", "-", "--yes", "--home", str(system.home))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=DEVNULL, stderr=PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(EMAIL.encode() + b"\n")
    process.stdin.close()
    number = (await process.stderr.readline()).decode().split()[1]

    api = await asyncpg.connect(run.api_database_url)

    async def all_but_the_provider() -> bool:
        ended = (await dispatcher("GET", f"/ops/erasures/{number}")).json["ended_at"]
        return bool(ended and not await api.fetch("SELECT FROM erasure WHERE finished_at IS NULL"))

    await eventually(all_but_the_provider)
    await api.close()
    process.kill()
    await process.wait()

    again = await asyncio.to_thread(
        sendto, "erase", "--email", "-", "--yes", "--wait-s", 0, "--home", system.home, stdin=EMAIL.encode()
    )
    waiting = await asyncio.to_thread(sendto, "erase", "--receipt", number, "--home", system.home)
    await dispatcher("POST", "/ops/providers/sandbox/resume")

    async def told() -> bool:
        return (await asyncio.to_thread(sendto, "erase", "--receipt", number, "--home", system.home)).returncode == 0

    await eventually(told)
    await dispatcher.close()

    assert f"sendto erase --receipt {number}" in again.stdout.decode(), again.stdout
    assert (waiting.returncode, f"order {order_id} of" in waiting.stdout.decode()) == (1, True)
    assert b"to be told 1" in waiting.stdout
    assert await _at_provider(run, order_id) == 404


def test_wrong_usage_is_told(system: System) -> None:
    for wrong in (
        (),
        ("--order", 1, "--email", EMAIL),
        ("--receipt", 1, "--email", EMAIL),
        ("--email", "nobody"),
        ("--order", 0),
        ("--order", 1, "--json"),
    ):
        assert sendto("erase", *wrong, "--home", system.home).returncode == 2, wrong
