"""Rules 20 and 22 in the running engine: what answers and missing ones leave in a lane; what a misdeployment costs."""

from typing import Any

import pytest
from infra.engine import provider, running, until
from infra.eventually import eventually
from infra.lanes import Lanes
from infra.sandbox import Provider
from infra.servers import free_port

from sendto.sdk import Idempotency

WELL: dict[str, Any] = {"accept_duplicates": True}
"""a second create would make a second object"""


async def _attempted(lanes: Lanes, url: str, mode: str, *, limits: dict[str, Any] | None = None) -> dict[str, Any]:
    """The lane of a create after its first attempt."""
    await lanes.put(7, 1)
    async with running(lanes, [provider(url, mode=mode, limits=limits, retry={"base_s": 3_000, "cap_s": 3_000})]):
        await until(lanes, "reason IS NOT NULL AND lease_token IS NULL")
    return await lanes.lane(7)


async def _first(lanes: Lanes) -> str:
    return str((await lanes.attempts(7))[0]["outcome"])


@pytest.mark.parametrize(
    ("status", "outcome"), [(425, "transient"), (429, "rate_limited"), (503, "transient"), (None, "transient")]
)
@pytest.mark.parametrize("mode", ["upsert", "lookup"])
async def test_rule_20_nothing_was_done_so_a_create_is_not_in_doubt(
    lanes: Lanes, remote: Provider, mode: str, status: int | None, outcome: str
) -> None:
    """`None`: nobody takes the connection."""
    await remote.behave(**WELL, errors={} if status is None else {status: 1.0})
    url = f"http://127.0.0.1:{free_port()}" if status is None else remote.url

    row = await _attempted(lanes, url, mode)

    assert await _first(lanes) == outcome
    assert (row["in_doubt"], row["applied_present"]) == (False, False)
    await remote.behave(**WELL)
    await lanes.run("UPDATE lane SET due_at = now(), not_before = NULL")
    await lanes.run("UPDATE provider_state SET blocked_until = NULL, opened_at = NULL, probe_at = NULL")
    async with running(lanes, [provider(remote.url, mode=mode)]):
        await remote.holds(7, version=1)
    assert await remote.count() == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        {"apply_then": {408: 1.0}},
        {"apply_then": {500: 1.0}},
        {"apply_then": {504: 1.0}},
        {"lose_answer": 1.0},
        {"reset": 1.0},
        {"hang": 1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize(("mode", "outcome"), [("upsert", "transient"), ("lookup", "ambiguous")])
async def test_rule_20_what_may_have_been_done_is_in_doubt_and_ambiguous_only_where_it_could_double(
    lanes: Lanes, remote: Provider, behaviour: dict[str, Any], mode: str, outcome: str
) -> None:
    await remote.behave(**WELL, **behaviour, operations=["POST", "PUT"])

    row = await _attempted(lanes, remote.url, mode, limits={"timeout_s": 1.0})

    assert await _first(lanes) == outcome
    assert (row["in_doubt"], row["applied_present"]) == (True, False)
    await remote.behave(**WELL)
    await lanes.run("UPDATE lane SET due_at = now(), not_before = NULL")
    async with running(lanes, [provider(remote.url, mode=mode)]):
        await remote.holds(7, version=1)
        await until(lanes, "due_at IS NULL AND NOT in_doubt AND applied_present")
    assert await remote.count() == 1


@pytest.mark.parametrize("status", [302, 404, 405])
async def test_rule_22_a_misdeployed_provider_opens_its_breaker_and_kills_no_lane(
    lanes: Lanes, remote: Provider, status: int
) -> None:
    orders = range(1, 9)
    await remote.behave(errors={status: 1.0})
    for order_id in orders:
        await lanes.put(order_id, 1)
    async with running(lanes, [provider(remote.url)]):

        async def opened() -> bool:
            return (await lanes.provider())["opened_at"] is not None

        await eventually(opened)
        assert (
            await lanes.rows("SELECT 1 FROM lane WHERE resting IS NOT NULL OR in_doubt AND lease_token IS NULL") == []
        )
        await remote.behave()
        for order_id in orders:
            await remote.holds(order_id, version=1)


@pytest.mark.parametrize("status", [404, 410])
async def test_rule_22_what_is_absent_already_is_deleted_and_what_should_be_updated_is_made_again(
    lanes: Lanes, remote: Provider, status: int
) -> None:
    for order_id in (1, 2):
        await lanes.put(order_id, 1)
    async with running(lanes, [provider(remote.url, mode="lookup")]):
        await until(lanes, "due_at IS NULL AND applied_present", 2)
    await lanes.delete(1, 2)
    await lanes.put(2, 2, first_name="Newer")
    await remote.remove(2)
    # An object is made by POST; the first one is there all the same: it is the answer that counts.
    await remote.behave(errors={status: 1.0}, operations=["DELETE", "PUT"])
    async with running(lanes, [provider(remote.url, mode="lookup")]):
        await until(lanes, "due_at IS NULL AND desired_generation = applied_generation", 2)

    assert (await lanes.lane(1))["applied_present"] is False
    assert [one["operation"] for one in await lanes.attempts(1)] == ["create", "delete"]
    assert [one["operation"] for one in await lanes.attempts(2)] == ["create", "update", "create"]
    assert await remote.holds(2, version=2)
    assert provider(remote.url, mode="lookup").capabilities.idempotency is Idempotency.LOOKUP
