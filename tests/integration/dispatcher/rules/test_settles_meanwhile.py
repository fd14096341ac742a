"""Rules 2 and 16: settles between which and the claim, or the look at the lane, something happens."""

from collections.abc import Awaitable, Callable
from typing import Any

from infra.lanes import Lanes
from msgspec import structs

from sendto.runtime.database import Connection
from sendto.sdk import Applied, RemoteRef, Transient
from sendto_dispatcher.domain.endings import Finished
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.engine.record import attempt_record
from sendto_dispatcher.store.settles import AttemptRecord, Settled, write_settles


def _looked_at(claim: Claim, finished: Finished) -> AttemptRecord:
    """An attempt whose lane is looked at before it is settled, as after anything but a plain success."""
    return structs.replace(attempt_record(claim.lane, finished, 1.0), lane=None)


async def _order_7_was_settled_twice(lanes: Lanes, first: Settled, second: Settled) -> None:
    """It has changed before the first one, order 8 has not; what was sent of it counts, and its newer state is due."""
    assert [record.order_id for record in first.moved] == [7]
    assert not second.moved
    assert (await lanes.lane(8))["due_at"] is None
    moved = await lanes.lane(7)
    assert (moved["applied_version"], moved["desired_version"]) == (1, 2)
    assert moved["due_at"] is not None
    assert len(await lanes.rows("SELECT 1 FROM attempt")) == 2


async def test_rule_2_what_changes_between_claim_and_settle_is_settled_as_it_is_then(lanes: Lanes) -> None:
    """A plain success is written without a look, where nobody has changed the lane since its claim."""
    for order_id in (7, 8):
        await lanes.put(order_id, 1)
    claimed = await lanes.claim()
    records = [attempt_record(one.lane, lanes.finished(one, Applied(RemoteRef("r"))), 1.0) for one in claimed]
    await lanes.put(7, 2)

    async with lanes.database.connection() as connection:
        first = await write_settles(connection, records, lambda _: lanes.policy, replica="test")
        second = await write_settles(connection, first.moved, lambda _: lanes.policy, replica="test")

    assert all(record.is_plain for record in records)
    await _order_7_was_settled_twice(lanes, first, second)


async def test_rule_16_a_lease_that_passes_on_between_claim_and_settle_fences_it(lanes: Lanes) -> None:
    lanes.lease_s = -1.0
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    await lanes.claim()

    settled = await lanes.settle(claimed, Applied(RemoteRef("r")))

    assert settled.fenced == {claimed.lane.id}
    row = await lanes.lane(7)
    assert row["desired_generation"] > claimed.lane.generation
    assert row["lease_token"] is not None


async def test_a_plain_success_leaves_the_lane_as_one_that_was_looked_at(lanes: Lanes) -> None:
    """What a claim does not bring is overwritten: both ways give the same row, whatever was there before."""
    for order_id in (7, 8):
        await lanes.put(order_id, 1)
        [claimed] = await lanes.claim()
        await lanes.settle(claimed, Transient("http_500", "down", timed_out=True))
    await lanes.expire(7, 8)
    plain, looked = await lanes.claim()
    await lanes.settle(plain, Applied(RemoteRef("r")))
    async with lanes.database.connection() as connection:
        records = [_looked_at(looked, lanes.finished(looked, Applied(RemoteRef("r"))))]
        await write_settles(connection, records, lambda _: lanes.policy, replica="test")

    one, other = await lanes.lane(7), await lanes.lane(8)
    own = {"id", "order_id", "reference", "desired_generation", "applied_generation", "changed_at"}
    assert {name: value for name, value in one.items() if name not in own} == {
        name: value for name, value in other.items() if name not in own
    }
    assert one["applied_generation"] == one["desired_generation"]


class _Meanwhile:
    """Stands in for a connection: after the first statement something else happens."""

    def __init__(self, connection: Connection, act: Callable[[], Awaitable[object]]) -> None:
        self._connection = connection
        self._act: Callable[[], Awaitable[object]] | None = act

    async def fetch(self, statement: str, *arguments: Any) -> Any:
        """Fetch, and let it happen if it has not yet."""
        rows = await self._connection.fetch(statement, *arguments)
        if self._act is not None:
            act, self._act = self._act, None
            await act()
        return rows


async def test_rule_2_what_changes_between_look_and_write_is_settled_as_it_is_then(lanes: Lanes) -> None:
    for order_id in (7, 8):
        await lanes.put(order_id, 1)
    claimed = await lanes.claim()
    records = [_looked_at(one, lanes.finished(one, Applied(RemoteRef("r")))) for one in claimed]

    async with lanes.database.connection() as connection:
        meanwhile: Any = _Meanwhile(connection, lambda: lanes.put(7, 2))
        first = await write_settles(meanwhile, records, lambda _: lanes.policy, replica="test")
        second = await write_settles(connection, first.moved, lambda _: lanes.policy, replica="test")

    await _order_7_was_settled_twice(lanes, first, second)


async def test_rule_16_a_lease_that_passes_on_between_look_and_write_fences_the_settle(lanes: Lanes) -> None:
    lanes.lease_s = -1.0
    await lanes.put(7, 1)
    [claimed] = await lanes.claim()
    records = [_looked_at(claimed, lanes.finished(claimed, Applied(RemoteRef("r"))))]

    async with lanes.database.connection() as connection:
        meanwhile: Any = _Meanwhile(connection, lanes.claim)
        first = await write_settles(meanwhile, records, lambda _: lanes.policy, replica="test")
        second = await write_settles(connection, first.moved, lambda _: lanes.policy, replica="test")

    assert first.moved
    assert second.fenced == {claimed.lane.id}
    row = await lanes.lane(7)
    assert row["desired_generation"] > claimed.lane.generation
    assert row["lease_token"] is not None
