"""What ops press: pause, replay, retry, and what is written down of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.database import Database

_MANY = 300


async def _ended(dispatcher: Caller, run: dict[str, Any]) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = (await dispatcher("GET", f"/ops/replays/{run['id']}")).json
        return now if now["ended_at"] else None

    found = await eventually(ended)
    assert found is not None
    return found


async def _writes(provider: Provider, order_id: int, count: int) -> list[dict[str, Any]]:
    async def written() -> list[dict[str, Any]] | None:
        entries = await provider.log(order_id)
        return entries if len(entries) >= count else None

    return await eventually(written) or []


async def _lane_of(rows: Rows, order_id: int) -> dict[str, Any]:
    [lane] = await rows("SELECT * FROM lane WHERE order_id = $1", order_id)
    return lane


async def test_a_replay_of_one_lane_delivers_what_was_sent_already(
    dispatcher: Caller, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    """Rule 29."""
    await upstream.put(7, 1)
    await provider.holds(7)
    lane = await _lane_of(rows, 7)

    reply = await dispatcher("POST", f"/ops/lanes/{lane['id']}/replay")

    assert (reply.status, reply.json) == (200, {"lanes": 1})
    assert len(await _writes(provider, 7, 2)) == 2
    assert await provider.count() == 1
    after = await _lane_of(rows, 7)
    assert after["desired_generation"] > lane["desired_generation"]
    [change] = (await dispatcher("GET", "/ops/changes")).json
    assert (change["token_name"], change["action"], change["target"], change["lanes"]) == (
        "test",
        "replay",
        {"lane": lane["id"]},
        1,
    )


async def test_a_replay_of_an_order_concerns_its_lanes_only(
    dispatcher: Caller, upstream: Upstream, provider: Provider
) -> None:
    for order_id in (7, 8):
        await upstream.put(order_id, 1)
        await provider.holds(order_id)

    assert (await dispatcher("POST", "/ops/orders/7/replay")).json == {"lanes": 1}

    await _writes(provider, 7, 2)
    assert len(await provider.log(8)) == 1
    assert (await dispatcher("POST", "/ops/orders/9/replay")).status == 404


async def test_dead_lanes_of_a_reason_and_a_window_are_counted_first_and_then_delivered(
    dispatcher: Caller, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    await upstream.put(1, 1)
    await provider.holds(1)
    began = datetime.now(UTC) - timedelta(seconds=1)
    await provider.behave(errors={422: 1.0})
    for order_id in (7, 8, 9):
        await upstream.put(order_id, 1)

    async def dead() -> bool:
        return len(await rows("SELECT 1 FROM lane WHERE resting = 'dead'")) == 3

    await eventually(dead)
    await provider.behave()
    chosen = {"provider": "sandbox", "state": "dead", "reason": "http_422", "changed_after": began.isoformat()}
    query = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in chosen.items())

    assert (await dispatcher("GET", f"/ops/replays/count?{query}")).json == {"lanes": 3}
    assert (await dispatcher("GET", f"/ops/replays/count?{query}x")).status == 422
    assert (await dispatcher("GET", "/ops/replays/count?provider=nobody")).status == 404
    later = chosen | {"changed_after": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    assert (await dispatcher("POST", "/ops/replays", later)).json["lanes"] == 0
    assert (await dispatcher("POST", "/ops/replays", chosen | {"lanes": 2})).status == 409
    run = (await dispatcher("POST", "/ops/replays", chosen | {"lanes": 3})).json

    ended = await _ended(dispatcher, run)
    assert (ended["lanes"], ended["looked_at"], ended["replayed"]) == (3, 3, 3)
    for order_id in (7, 8, 9):
        await provider.holds(order_id)
    assert len(await provider.log(1)) == 1


async def test_a_replay_keeps_to_the_rate_limit_and_can_be_cancelled(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str, rows: Rows
) -> None:
    for order_id in range(1, 41):
        await upstream.put(order_id, 1)
    async with dispatching(settings, ops_token):
        for order_id in range(1, 41):
            await provider.holds(order_id)
    settings["providers"]["sandbox"]["limits"] = {"rate": "2/s"}
    async with dispatching(settings, ops_token) as ops:
        run = (await ops("POST", "/ops/replays", {"provider": "sandbox"})).json

        async def moving() -> bool:
            return bool((await ops("GET", f"/ops/replays/{run['id']}")).json["looked_at"])

        await eventually(moving)
        await upstream.put(1000, 1)
        await provider.holds(1000)  # a fresh change does not wait behind the whole replay
        cancelled = (await ops("POST", f"/ops/replays/{run['id']}/cancel")).json

        assert cancelled["cancelled_by"] == "test"
        assert 0 < cancelled["looked_at"] < 40
        assert (await ops("POST", f"/ops/replays/{run['id']}/cancel")).status == 409
        assert (await ops("POST", "/ops/replays/999/cancel")).status == 404
        assert [row["id"] for row in (await ops("GET", "/ops/replays")).json] == [run["id"]]
    replayed = await rows("SELECT count(*) AS lanes FROM lane WHERE applied_version IS NULL OR digest IS NULL")
    assert replayed[0]["lanes"] <= cancelled["replayed"]


async def test_a_paused_provider_is_replayed_once_it_goes_on(
    dispatcher: Caller, upstream: Upstream, provider: Provider
) -> None:
    await upstream.put(7, 1)
    await provider.holds(7)
    await dispatcher("POST", "/ops/providers/sandbox/pause", {})
    run = (await dispatcher("POST", "/ops/replays", {"provider": "sandbox"})).json
    await _ended(dispatcher, run)
    assert len(await provider.log(7)) == 1

    await dispatcher("POST", "/ops/providers/sandbox/resume")

    assert len(await _writes(provider, 7, 2)) == 2


@pytest.mark.usefixtures("dispatcher")
async def test_newer_state_under_a_replay_is_sent_last(
    dispatcher: Caller, upstream: Upstream, provider: Provider, rows: Rows
) -> None:
    """Rule 29: a replay of a lane that is being served raises its generation, and the newest state goes last."""
    await upstream.put(7, 1, first_name="Old")
    await provider.holds(7)
    await provider.behave(latency_s=0.3)
    await upstream.put(7, 2, first_name="Newer")

    async def leased() -> bool:
        return bool(await rows("SELECT 1 FROM lane WHERE lease_token IS NOT NULL"))

    await eventually(leased)
    await dispatcher("POST", "/ops/orders/7/replay")
    await upstream.put(7, 3, first_name="Newest")

    await provider.holds(7, first_name="Newest")
    firsts = [entry["version"] for entry in await provider.log(7)]
    assert firsts == sorted(firsts)


async def test_retry_ends_the_wait_of_a_lane(
    upstream: Upstream, provider: Provider, settings: Settings, ops_token: str, rows: Rows
) -> None:
    settings["providers"]["sandbox"]["retry"] = {"base_s": 600, "cap_s": 600}
    await provider.behave(errors={500: 1.0})
    async with dispatching(settings, ops_token) as ops:
        await upstream.put(7, 1)

        async def waiting() -> list[dict[str, Any]]:
            return await rows("SELECT id FROM lane WHERE attempts > 0 AND due_at > now()")

        [lane] = await eventually(waiting)
        await provider.behave()
        listed = (await ops("GET", "/ops/lanes?state=waiting&provider=sandbox")).json["data"]

        assert [row["lane"] for row in listed] == [lane["id"]]
        assert (await ops("POST", f"/ops/lanes/{lane['id']}/retry")).json == {"lanes": 1}
        await provider.holds(7)
        assert (await ops("POST", f"/ops/lanes/{lane['id']}/retry")).json == {"lanes": 0}
        assert (await ops("POST", "/ops/orders/7/retry")).json == {"lanes": 0}
        assert (await ops("POST", "/ops/lanes/999999/retry")).status == 404


async def _fill(database: Database, lanes: int) -> None:
    """Lanes in every state, of two providers that nobody serves."""
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO lane (provider, source, order_id, reference, desired_generation, desired_carried,
                desired_version, desired_present, applied_generation, due_at, behind_since, resting, reason, hanging)
            SELECT 'p' || n % 2, '/s', n, n::text, 1, true, 1, true, (n % 5 = 0)::int,
                CASE WHEN n % 5 IN (1, 2) THEN now() + (n % 7) * interval '1 hour' - interval '3 hours' END,
                CASE WHEN n % 5 <> 0 THEN now() - n * interval '1 hour' END,
                CASE n % 5 WHEN 3 THEN 'dead' WHEN 4 THEN 'taken' END, 'r' || n % 3, n % 5 = 2
            FROM generate_series(1, $1::int) AS n
            """,
            lanes,
        )
        await connection.execute("INSERT INTO provider_state (provider) VALUES ('p0'), ('p1') ON CONFLICT DO NOTHING")


_EXPECTED = {
    "behind": "due_at IS NOT NULL",
    "due": "due_at <= now()",
    "waiting": "due_at > now()",
    "leased": "false",
    "resting": "resting IS NOT NULL",
    "dead": "resting = 'dead'",
    "taken": "resting = 'taken'",
    "unknown": "false",
    "unsupported": "false",
    "converged": "behind_since IS NULL",
    "unconfirmed": "false",
    "all": "true",
}


async def test_lanes_are_listed_in_pages_that_miss_none_and_repeat_none(
    dispatcher: Caller, dispatch_database: Database, rows: Rows
) -> None:
    await _fill(dispatch_database, _MANY)
    for state, condition in _EXPECTED.items():
        for more, sql in (("", "true"), ("&provider=p1", "provider = 'p1'"), ("&reason=r1", "reason = 'r1'")):
            listed, cursor = [], ""
            while True:
                page = (await dispatcher("GET", f"/ops/lanes?state={state}&limit=50{more}{cursor}")).json
                listed += [row["lane"] for row in page["data"]]
                if page["next_cursor"] is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            wanted = {row["id"] for row in await rows(f"SELECT id FROM lane WHERE {condition} AND {sql}")}
            assert len(listed) == len(wanted), (state, more)
            assert set(listed) == wanted
    old = (await dispatcher("GET", "/ops/lanes?behind_for_s=720000&limit=500")).json["data"]
    assert {row["lane"] for row in old} == {
        row["id"] for row in await rows("SELECT id FROM lane WHERE due_at IS NOT NULL AND order_id >= 200")
    }
    assert (await dispatcher("GET", "/ops/lanes?cursor=nonsense")).status == 422
    assert (await dispatcher("GET", "/ops/lanes?state=nonsense")).status == 422


async def test_one_lane_is_shown_with_its_verdict(dispatcher: Caller, upstream: Upstream, provider: Provider) -> None:
    await upstream.put(7, 1)
    await provider.holds(7)
    [listed] = (await dispatcher("GET", "/ops/lanes?state=all")).json["data"]

    lane = (await dispatcher("GET", f"/ops/lanes/{listed['lane']}")).json

    assert lane["order_id"] == 7
    assert lane["verdict"].startswith("sandbox has the customer")
    assert (await dispatcher("GET", "/ops/lanes/999999")).status == 404
