"""Commands against a running system."""

import asyncio
import json
import os
import signal
import subprocess
from time import monotonic, sleep
from typing import Any

from infra.bodies import customer, order
from infra.command import System, sendto
from infra.serving import Caller, Reply
from infra.tools import tool

from sendto_cli.home import Run

_PATIENCE_S = 30.0
_REJECTED_ID = 990_078


def _call(url: str, token: str, method: str, path: str, body: Any = None) -> Reply:
    async def call() -> Reply:
        caller = Caller(url, token)
        try:
            return await caller(method, path, body)
        finally:
            await caller.close()

    return asyncio.run(call())


def _new_order(run: Run) -> int:
    reply = _call(run.api_url, run.token, "POST", "/v3/orders", order(customer=customer()))
    assert reply.status == 201
    return int(reply.json["order_id"])


def _why(system: System, order_id: int) -> dict[str, Any]:
    done = sendto("why", order_id, "--json", "--home", system.home)
    story: dict[str, Any] = json.loads(done.stdout)
    return story


def _until_verdict(system: System, order_id: int, words: str) -> dict[str, Any]:
    deadline = monotonic() + _PATIENCE_S
    while True:
        story = _why(system, order_id)
        if any(words in line for line in story["dispatcher"]["verdict"]):
            return story
        assert monotonic() < deadline, story
        sleep(0.1)


def test_why_tells_the_whole_way_of_an_order(system: System, run: Run) -> None:
    order_id = _new_order(run)
    story = _until_verdict(system, order_id, "sandbox has the customer")

    told = sendto("why", order_id, "--home", system.home).stdout.decode()

    [event] = story["dispatcher"]["events"]
    [lane] = story["dispatcher"]["lanes"]
    [attempt] = story["dispatcher"]["attempts"]
    assert (event["type"], event["verdict"]) == ("customer.created", "counted")
    assert (lane["provider"], lane["state"]) == ("sandbox", "converged")
    assert attempt["outcome"] == "applied"
    for part in (f"Order {order_id}", "route: default → sandbox", "Lanes", "Attempts", "Events", "orders.customer/"):
        assert part in told
    assert "john_turcotte" not in told.lower()


def test_why_finds_an_order_that_is_still_in_the_outbox(system: System, run: Run) -> None:
    os.kill(run.pids["relay"], signal.SIGSTOP)
    try:
        order_id = _new_order(run)
        done = sendto("why", order_id, "--home", system.home)
    finally:
        os.kill(run.pids["relay"], signal.SIGCONT)

    assert done.returncode == 0
    assert "1 of its events waits in the outbox" in done.stdout.decode()
    _until_verdict(system, order_id, "sandbox has the customer")


def test_why_of_an_order_that_nobody_knows_fails(system: System) -> None:
    done = sendto("why", 987654321, "--home", system.home)

    assert done.returncode == 1
    assert "nobody knows an order 987654321" in done.stderr.decode()


def test_a_new_token_opens_what_it_may_and_a_revoked_one_nothing(system: System, run: Run) -> None:
    made = sendto(
        "token", "create", "--permissions", "orders_read", "--quiet", "--name", "reader", "--home", system.home
    )
    token = made.stdout.decode().strip()

    assert made.stdout.decode() == f"{token}\n"
    assert _call(run.api_url, token, "GET", "/v3/orders/999999").status == 404
    assert _call(run.api_url, token, "POST", "/v3/orders", order()).status == 403
    listed = json.loads(sendto("token", "list", "--json", "--home", system.home).stdout)
    assert "reader" in {row["name"] for row in listed}
    assert token not in json.dumps(listed)

    assert sendto("token", "revoke", "reader", "--home", system.home).returncode == 0
    deadline = monotonic() + _PATIENCE_S
    while _call(run.api_url, token, "GET", "/v3/orders/999999").status != 401:
        assert monotonic() < deadline
        sleep(0.2)


def test_an_ops_token_opens_the_ops_api(system: System, run: Run) -> None:
    made = sendto("token", "create", "--for", "ops", "--permissions", "ops:read", "--quiet", "--home", system.home)
    token = made.stdout.decode().strip()

    assert _call(run.dispatcher_url, token, "GET", "/ops/providers").status == 200
    assert _call(run.dispatcher_url, token, "POST", "/ops/providers/sandbox/pause", {}).status == 403
    assert _call(run.dispatcher_url, run.token, "GET", "/ops/providers").status == 401


def test_an_unknown_permission_is_wrong_usage(system: System) -> None:
    done = sendto("token", "create", "--permissions", "orders:reead", "--home", system.home)

    assert done.returncode == 2
    assert "orders:reead" in done.stderr.decode()


def test_providers_are_listed(system: System) -> None:
    rows = json.loads(sendto("providers", "list", "--json", "--home", system.home).stdout)

    assert [(row["provider"], row["state"]) for row in rows] == [("sandbox", "serving")]


def test_every_service_is_alive_ready_and_measured(run: Run) -> None:
    for url in (run.api_url, run.relay_url, run.dispatcher_url, run.sandbox_url):
        for path in ("/healthz", "/readyz"):
            assert _call(url, "", "GET", path).status == 200, (url, path)
        assert b"process_cpu_seconds_total" in _call(url, "", "GET", "/metrics").content


def _publish(run: Run, key: str, value: str, headers: list[str]) -> None:
    command = [tool("kcat"), "-b", run.kafka_bootstrap_servers, "-P", "-t", "orders.customer", "-k", key]
    for header in headers:
        command += ["-H", header]
    subprocess.run(command, input=value.encode(), check=True, timeout=_PATIENCE_S)


def _held(run: Run, order_id: int) -> dict[str, Any] | None:
    reply = _call(run.sandbox_url, "", "GET", f"/v1/recipients/{order_id}")
    return reply.json if reply.status == 200 else None


def _wait_held(run: Run, order_id: int, name: str | None) -> None:
    deadline = monotonic() + _PATIENCE_S
    while (held := _held(run, order_id), held["first_name"] if held else None)[1] != name:
        assert monotonic() < deadline, held
        sleep(0.1)


def test_a_stranger_s_events_arrive(run: Run) -> None:
    def headers(kind: str, version: int) -> list[str]:
        attributes = {"specversion": "1.0", "type": kind, "id": f"k-{version}", "source": "/kcat"}
        return [f"ce_{name}={value}" for name, value in (attributes | {"orderversion": str(version)}).items()]

    def data(name: str) -> str:
        return json.dumps({"order_id": 880001, "customer": {"first_name": name, "last_name": "Doe"}})

    _publish(run, "880001", data("Jane"), headers("customer.created", 1))
    _wait_held(run, 880001, "Jane")
    _publish(run, "880001", "{broken", headers("customer.updated", 2))
    _publish(run, "880001", data("Janet"), headers("customer.updated", 3))
    _wait_held(run, 880001, "Janet")
    _publish(run, "880001", '{"order_id": 880001}', headers("customer.deleted", 4))
    _wait_held(run, 880001, None)

    letter = subprocess.run(
        [
            tool("kcat"),
            "-b",
            run.kafka_bootstrap_servers,
            "-C",
            "-t",
            "orders.customer.dlq",
            "-e",
            "-q",
            "-f",
            "%h %s\n",
        ],
        capture_output=True,
        check=True,
        timeout=_PATIENCE_S,
    ).stdout.decode()
    assert "sendto_reason=json_invalid" in letter
    assert "{broken" in letter


def test_ops_pause_list_count_and_replay(system: System, run: Run) -> None:
    home = ("--home", system.home)
    order_id = _new_order(run)
    _until_verdict(system, order_id, "sandbox has the customer")
    assert sendto("pause", "sandbox", "--reason", "their maintenance", *home).returncode == 0
    try:
        assert json.loads(sendto("replay", "--order", order_id, "--json", *home).stdout) == {"lanes": 1}
        _until_verdict(system, order_id, "sandbox is paused by")
        listed = json.loads(sendto("lanes", "--state", "due", "--json", *home).stdout)
        assert order_id in {row["order_id"] for row in listed}
        assert f"order {order_id}  due" in sendto("lanes", *home).stdout.decode()
    finally:
        assert json.loads(sendto("resume", "sandbox", "--json", *home).stdout)["action"] == "resume"
    _until_verdict(system, order_id, "sandbox has the customer")

    counted = json.loads(sendto("replay", "--provider", "sandbox", "--since", "2h", "--json", *home).stdout)
    asked = sendto("replay", "--provider", "sandbox", *home, stdin=b"n\n")
    done = json.loads(sendto("replay", "--provider", "sandbox", "--since", "2h", "--yes", "--json", *home).stdout)

    assert counted["lanes"] >= 1
    assert not counted["begun"]
    assert asked.returncode == 1
    assert "would be delivered again" in asked.stdout.decode()
    assert done["lanes"] == done["looked_at"] >= done["replayed"] >= 1
    assert f"replay {done['id']}" in sendto("replays", "list", *home).stdout.decode()
    assert sendto("replays", "cancel", done["id"], *home).returncode == 1
    _until_verdict(system, order_id, "sandbox has the customer")


def test_wrong_usage_of_the_ops_commands_is_told(system: System) -> None:
    home = ("--home", system.home)
    for wrong in (
        ("replay",),
        ("replay", "--order", 1, "--provider", "x"),
        ("replay", "--order", 1, "--state", "dead"),
        ("replay", "--provider", "sandbox", "--since", "yesterday"),
        ("retry",),
        ("lanes", "--state", "odd"),
    ):
        assert sendto(*wrong, *home).returncode == 2, wrong
    for refused in (("pause", "nobody"), ("replay", "--provider", "nobody"), ("replay", "--lane", 10**12)):
        done = sendto(*refused, *home)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), refused


def _json(*arguments: object) -> Any:
    done = sendto(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_routes_are_counted_before_they_are_applied_and_the_run_is_told(system: System, run: Run) -> None:
    _until_verdict(system, _new_order(run), "sandbox has the customer")
    home = ("--home", system.home)

    counted = _json("routes", "apply", *home)
    assert counted["begun"] is False
    assert counted["known"] > 0
    ended = _json("routes", "apply", "--yes", *home)

    assert (ended["orders"], ended["stopped"], ended["cancelled_by"]) == (0, None, None)
    assert ended["looked_at"] >= counted["known"]
    assert _json("routes", "runs", *home)[0] == ended
    late = sendto("routes", "cancel", ended["id"], *home)
    assert (late.returncode, b"has ended already" in late.stderr) == (1, True)
    assert _json("routes", "test", "--country", "GB", *home)["route"] == "default"
    assert [one for one in _json("routes", "unrouted", *home) if one["order_type"] == "delivery"] == []
    told = sendto("routes", "test", "--type", "flight", *home)
    assert told.returncode == 2


def test_a_rejected_event_is_listed_shown_and_stays_rejected_until_it_is_mended(system: System, run: Run) -> None:
    asyncio.run(_reject(run))
    home = ("--home", system.home)
    deadline = monotonic() + _PATIENCE_S
    while not (found := [row for row in _json("rejected", "list", *home) if row["order_id"] == _REJECTED_ID]):
        assert monotonic() < deadline
        sleep(0.1)
    [row, *_] = found

    assert row["reason"] == "json_invalid"
    assert _json("rejected", "show", row["id"], *home)["value"] == "{broken command"
    refused = sendto("rejected", "take", row["id"], *home)
    assert (refused.returncode, b"it is still no event of ours" in refused.stderr) == (1, True)
    assert _json("rejected", "take", "--reason", "json_invalid", *home)["done"] is False
    assert _json("rejected", "take", "--reason", "nothing", "--yes", *home) == {
        "taken": {},
        "refused": [],
        "done": True,
    }
    assert sendto("rejected", "take", row["id"], "--reason", "json_invalid", *home).returncode == 2


async def _reject(run: Run) -> None:
    from aiokafka import AIOKafkaProducer
    from infra.events import binary_headers

    async with AIOKafkaProducer(bootstrap_servers=run.kafka_bootstrap_servers) as producer:
        headers = binary_headers("customer.created", 1)
        await producer.send_and_wait("orders.customer", b"{broken command", str(_REJECTED_ID).encode(), headers=headers)
