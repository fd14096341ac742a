"""Rule 4: an order's version is the larger of the one before plus one and the database's milliseconds."""

from infra.bodies import customer, order
from infra.serving import Caller

from sendto.runtime.database import Database

_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


async def _clock(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(_CLOCK))


async def _versions(database: Database, order_id: int) -> tuple[int, list[int]]:
    """The order's version, and those of its events, oldest first."""
    async with database.connection() as connection:
        version = await connection.fetchval('SELECT version FROM "order" WHERE order_id = $1', order_id)
        events = await connection.fetch("SELECT version FROM outbox WHERE order_id = $1 ORDER BY id", order_id)
    return int(version or 0), [row["version"] for row in events]


async def _new(api: Caller) -> int:
    return int((await api("POST", "/v3/orders", order(customer=customer()))).json["order_id"])


async def test_it_is_the_database_s_clock(api: Caller, api_database: Database) -> None:
    before = await _clock(api_database)
    order_id = await _new(api)
    await api("PATCH", f"/v3/orders/{order_id}/customer", {"first_name": "Newer"})
    after = await _clock(api_database)

    version, events = await _versions(api_database, order_id)
    assert before <= events[0] < events[1] == version <= after < 2**53


async def test_where_the_clock_is_behind_it_rises_by_one(api: Caller, api_database: Database) -> None:
    """As after a restore of a database whose clock was ahead, or many changes in a millisecond."""
    order_id = await _new(api)
    ahead = await _clock(api_database) + 10**9
    async with api_database.connection() as connection:
        await connection.execute('UPDATE "order" SET version = $1', ahead)

    for name in ("One", "Two"):
        await api("PATCH", f"/v3/orders/{order_id}/customer", {"first_name": name})
    await api("PATCH", f"/v3/orders/{order_id}", {"location_id": 9})

    version, events = await _versions(api_database, order_id)
    assert events[1:] == [ahead + 1, ahead + 2, ahead + 3]
    assert version == ahead + 3


async def test_a_restored_database_gives_no_version_out_again(api: Caller, api_database: Database) -> None:
    order_id = await _new(api)
    backup, _ = await _versions(api_database, order_id)
    for name in ("One", "Two", "Three"):
        await api("PATCH", f"/v3/orders/{order_id}/customer", {"first_name": name})
    lost, _ = await _versions(api_database, order_id)
    async with api_database.connection() as connection:
        await connection.execute('UPDATE "order" SET version = $1', backup)
        await connection.execute("DELETE FROM outbox WHERE version > $1", backup)

    await api("PATCH", f"/v3/orders/{order_id}/customer", {"first_name": "After"})

    version, _ = await _versions(api_database, order_id)
    assert version > lost


async def test_a_deletion_is_newer_than_everything_before_it(api: Caller, api_database: Database) -> None:
    order_id = await _new(api)
    async with api_database.connection() as connection:
        await connection.execute('UPDATE "order" SET version = version + 1000000000')
    before, _ = await _versions(api_database, order_id)

    assert (await api("DELETE", f"/v3/orders/{order_id}")).status == 200

    _, events = await _versions(api_database, order_id)
    assert events[-1] == before + 1
