"""How many records are not taken yet is what the broker says, also while nothing is read."""

from infra.events import Upstream
from infra.eventually import eventually
from infra.serving import Caller
from infra.topics import remake_topic
from integration.dispatcher.conftest import Rows, Settings

from sendto.runtime.database import Database
from sendto.runtime.settings import TopicSettings

_MANY = 40


async def _all_taken(ops: Caller, rows: Rows, order_id: int) -> None:
    async def taken() -> bool:
        known = await rows("SELECT 1 FROM order_state WHERE order_id = $1", order_id)
        return bool(known) and (await ops("GET", "/ops/overview")).json["lag"] == 0

    await eventually(taken)


async def _lags(ops: Caller, database: Database, upstream: Upstream, order_id: int, records: int) -> None:
    """So many records come while no position can be raised."""
    async with database.transaction() as somebody:
        await somebody.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await somebody.execute("SELECT 1 FROM intake_position FOR UPDATE")
        for version in range(2, records + 2):
            await upstream.put(order_id, version)

        async def told() -> bool:
            return bool((await ops("GET", "/ops/overview")).json["lag"] >= records)

        await eventually(told)


async def test_what_comes_while_a_batch_stands_is_counted(
    dispatcher: Caller, upstream: Upstream, dispatch_database: Database, rows: Rows
) -> None:
    await upstream.put(7, 1)
    await _all_taken(dispatcher, rows, 7)

    await _lags(dispatcher, dispatch_database, upstream, 7, 5)

    await _all_taken(dispatcher, rows, 7)


async def test_after_the_topic_was_made_anew_its_own_records_are_counted(
    dispatcher: Caller, upstream: Upstream, dispatch_database: Database, rows: Rows, settings: Settings, kafka: str
) -> None:
    for version in range(1, _MANY + 1):
        await upstream.put(7, version)
    await _all_taken(dispatcher, rows, 7)
    await remake_topic(kafka, TopicSettings(**settings["topics"]))
    await upstream.put(7, 100)

    async def read_again() -> bool:
        return bool(await rows("SELECT 1 FROM order_state WHERE order_id = 7 AND version = 100"))

    await eventually(read_again)
    await _all_taken(dispatcher, rows, 7)

    await _lags(dispatcher, dispatch_database, upstream, 7, 3)
