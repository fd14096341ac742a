"""A million lanes: every hot statement finds its rows by an index, whatever plan PostgreSQL takes for its parameters.

What is looked at is every statement that the store's own functions run, so a new one cannot be forgotten.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from infra.explain import Explaining
from infra.lanes import CLUSTER, NAME, TOPIC, Lanes
from msgspec import structs

from sendto.kernel.ids import new_uuid
from sendto.runtime.database import Connection, Database
from sendto.sdk import Applied, RemoteRef, Transient
from sendto_dispatcher.domain.pace import Bucket
from sendto_dispatcher.engine.record import attempt_record
from sendto_dispatcher.store import claims, deliveries, positions, providers, rejected
from sendto_dispatcher.store.intake import take
from sendto_dispatcher.store.settles import write_settles
from sendto_dispatcher.store.shadow import leave_shadow

pytestmark = [pytest.mark.large, pytest.mark.xdist_group("million_lanes")]

LANES = 1_000_000
BATCH = 100


@pytest.fixture
def lanes(million: Database) -> Lanes:
    """The steps that a dispatcher takes in the database."""
    return Lanes(million)


async def _claim(lanes: Lanes, connection: Connection, number: int = BATCH) -> list[Any]:
    return await claims.claim(connection, await lanes.request(number, hanging=6))


async def test_a_claim_and_the_look_for_the_next_due_lane(
    lanes: Lanes, explaining: Explaining, explained: Connection
) -> None:
    assert len(await _claim(lanes, explained)) == BATCH
    assert await claims.next_due_s(explained, NAME) is not None
    assert await claims.next_due_s(explained, NAME, hanging=False) is not None

    explaining.all_cheap(BATCH, statements=4)


async def test_a_claim_since_the_last_one(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    since = await explained.fetchval("SELECT clock_timestamp() - interval '10 minutes'")
    found = await claims.claim(explained, replace(await lanes.request(BATCH), since=since))

    assert found
    explaining.all_cheap(BATCH, statements=3)


async def test_a_claim_of_a_provider_that_has_hardly_a_lane(
    lanes: Lanes, explaining: Explaining, explained: Connection
) -> None:
    assert not await claims.claim(explained, await lanes.request(BATCH, provider="rare"))
    assert await claims.next_due_s(explained, "rare") is None

    explaining.all_cheap(1, statements=2)


async def test_a_claim_of_leases_that_ran_out(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    lanes.lease_s = -1.0
    first = await _claim(lanes, explained)
    await explained.execute(
        "UPDATE lane SET due_at = '2020-01-01' WHERE id = ANY($1::bigint[])", [claim.lane.id for claim in first]
    )
    again = await _claim(lanes, explained)

    assert all(claim.lane.taken_over for claim in again)
    explaining.all_cheap(BATCH, statements=6)


_IN_AN_HOUR = "now() + interval '1 hour' + (id % 600) * interval '1 second'"
BEHIND: dict[str, tuple[str, str, str, bool]] = {
    "some have failed": ("due_at", "attempts", "NULL", True),
    "all have failed": ("due_at", "5", "NULL", True),
    "all wait in backoff": (_IN_AN_HOUR, "5", "NULL", True),
    "all wait for what the provider said": (_IN_AN_HOUR, "5", _IN_AN_HOUR, False),
}
"""what waits at a provider that is probed (due, attempts, not before), and whether a lane may go out"""
# Lanes of the test's own, at a provider of its own: what it changed, or another has rolled back, would lie dead at the
# front of the index.
_PROBED = """
INSERT INTO lane (provider, source, order_id, reference, desired_generation, desired_carried, desired_version,
    desired_present, applied_generation, applied_carried, applied_version, applied_present, remote, digest, hanging,
    behind_since, due_at, attempts, not_before)
SELECT '{probed}', source, order_id, reference, desired_generation, desired_carried, desired_version,
    desired_present, applied_generation, applied_carried, applied_version, applied_present, remote, digest, hanging,
    behind_since, {due_at}, {attempts}, {not_before}
FROM lane WHERE provider = '{provider}' AND due_at IS NOT NULL
"""


@pytest.mark.parametrize("behind", BEHIND)
async def test_a_probe_whatever_waits(lanes: Lanes, explaining: Explaining, explained: Connection, behind: str) -> None:
    due_at, attempts, not_before, goes_out = BEHIND[behind]
    probed = f"probed {new_uuid()}"
    await explaining.unexplained(
        _PROBED.format(probed=probed, due_at=due_at, attempts=attempts, not_before=not_before, provider=NAME)
    )
    found = await claims.claim_probe(explained, await lanes.request(1, provider=probed), list(range(1, 100)))
    for one in found:
        await providers.note_probe(explained, probed, one.lane.id)

    assert bool(found) is goes_out
    assert not found or (found[0].lane.attempts == 0) is (behind == "some have failed")
    explaining.all_cheap(BATCH, statements=3 if goes_out else 2)


@pytest.mark.parametrize("ending", [Applied(RemoteRef("r-1")), Transient("http_500")], ids=repr)
async def test_a_settle_and_one_that_is_fenced(
    lanes: Lanes, explaining: Explaining, explained: Connection, ending: Any
) -> None:
    claimed = await _claim(lanes, explained)
    records = [attempt_record(claim.lane, lanes.finished(claim, ending), 1.0) for claim in claimed]
    settled = await write_settles(explained, records, lambda _: lanes.policy, replica="one", tell=True)
    looked_at = [structs.replace(record, lane=None) for record in records]
    fenced = await write_settles(explained, looked_at, lambda _: lanes.policy, replica="one", tell=True)

    assert len(settled.lanes) == len(fenced.fenced) == BATCH
    explaining.all_cheap(BATCH, statements=7 if isinstance(ending, Transient) else 6)


async def test_a_create_s_body_is_kept(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    kept = [(one.lane.id, one.lane.generation, one.state) for one in await _claim(lanes, explained) if one.state]
    await claims.keep_bodies(explained, kept)

    assert len(kept) == BATCH
    explaining.all_cheap(BATCH, statements=3)


Act = Callable[[Connection], Awaitable[object]]
BUCKET = Bucket(rate_per_s=50, burst=10)
REPLICA = providers.ReplicaRow(id="one", host="one", pid=1, release="1", config_digest="d")
ACTS: dict[str, Act] = {
    "state": lambda c: providers.state(c, NAME),
    "take": lambda c: providers.take_requests(c, NAME, BUCKET, operations=5, requests_each=1, unused=0),
    "give back": lambda c: providers.give_back(c, NAME, BUCKET, 3),
    "open": lambda c: providers.open_breaker(c, NAME, probe_s=4),
    "hold": lambda c: providers.hold(c, NAME, "unauthorized", probe_s=4),
    "win": lambda c: providers.win_probe(c, NAME, interval_s=4),
    "recover": lambda c: providers.recover(c, NAME),
    "block": lambda c: providers.block(c, NAME, wait_s=4),
    "pause": lambda c: providers.pause(c, NAME, by="ops", reason=None),
    "resume": lambda c: providers.resume(c, NAME),
    "heartbeat": lambda c: providers.heartbeat(c, REPLICA),
    "forget": lambda c: providers.forget_replica(c, "one"),
}


@pytest.mark.parametrize("act", ACTS)
async def test_what_concerns_the_provider_looks_at_no_lane(
    explaining: Explaining, explained: Connection, act: str
) -> None:
    await providers.know(explained, [NAME])
    await ACTS[act](explained)

    explaining.all_cheap(0, statements=2)


async def test_a_step_of_making_waiting_lanes_due(explaining: Explaining, explained: Connection) -> None:
    moved = await providers.spread_waiting(explained, NAME, over_s=10)

    assert moved > 1_000
    explaining.all_cheap(moved, statements=1)


async def test_a_step_of_leaving_the_shadow(explaining: Explaining, explained: Connection) -> None:
    moved = await leave_shadow(explained, "provider 1")
    none = await leave_shadow(explained, "rare")

    assert (moved > 1_000, none) == (True, 0)
    explaining.all_cheap(moved, statements=2)


async def test_a_batch_of_the_intake(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    known = [lanes.event(order_id, 2) for order_id in range(1, BATCH // 2)]
    new = [lanes.event(LANES + order_id, 1) for order_id in range(1, BATCH // 2)]
    gone = [lanes.event(order_id, 2, gone=True) for order_id in range(1_000, 1_010)]
    kept = [lanes.event(order_id, 2, order=None) for order_id in range(2_000, 2_010)]
    records = [lanes.record(event, offset) for offset, event in enumerate([*known, *new, *gone, *kept], start=1)]
    await positions.place(explained, TOPIC, CLUSTER, {0: 0})
    taken = await take(explained, CLUSTER, records, lanes.rules)

    assert taken.lanes >= len(records)
    explaining.all_cheap(2 * BATCH, statements=8)


async def test_a_batch_whose_references_are_others(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    events = [lanes.event(5 * number, 1, source="/another") for number in range(1, BATCH)]
    await positions.place(explained, TOPIC, CLUSTER, {0: 0})
    taken = await take(explained, CLUSTER, [lanes.record(one, n) for n, one in enumerate(events, 1)], lanes.rules)

    assert taken.lanes == len(events)
    explaining.all_cheap(2 * BATCH, statements=8)


async def test_a_step_of_doubting_all_lanes(explaining: Explaining, explained: Connection) -> None:
    after = await positions.doubt_some_lanes(explained, 500_000)

    assert after == 505_000
    explaining.all_cheap(5_000, statements=1)


async def test_what_is_published_from_rows(explaining: Explaining, explained: Connection) -> None:
    told = await deliveries.lock_unpublished(explained, BATCH)
    await deliveries.mark_published(explained, [one.id for one in told])
    letters = await rejected.lock_unpublished(explained, BATCH)
    await rejected.mark_published(explained, [one.id for one in letters])

    assert len(told) == len(letters) == BATCH
    explaining.all_cheap(BATCH, statements=4)
