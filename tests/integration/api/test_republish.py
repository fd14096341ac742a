"""`sendto relay republish`: a window of the outbox as it was, or every order as it is now."""

import asyncio
from typing import Any

import pytest
from infra.bodies import customer, order
from infra.command import sendto
from infra.serving import Caller

from sendto.runtime.database import Connection, Database, DatabaseAway
from sendto_api.outbox import republish_store
from sendto_api.outbox.events import EventSettings
from sendto_api.outbox.republish import republish_everything

SETTINGS = EventSettings(time_zone="UTC", default_region="GB")
_PUBLISHED = "UPDATE outbox SET published_at = now() - $1 * interval '1 minute' WHERE published_at IS NULL"


async def _orders(api: Caller, count: int, **more: Any) -> list[int]:
    replies = await asyncio.gather(*(api("POST", "/v3/orders", order(**more)) for _ in range(count)))
    return sorted(int(reply.json["order_id"]) for reply in replies)


async def _published(database: Database, minutes_ago: float) -> None:
    async with database.connection() as connection:
        await connection.execute(_PUBLISHED, minutes_ago)


async def _waiting(database: Database) -> list[tuple[int, str, int]]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM outbox WHERE published_at IS NULL ORDER BY id")
    return [(row["order_id"], row["type"], row["version"]) for row in rows]


async def _command(api_url: str, *arguments: str) -> tuple[int, str]:
    env = {"SENDTO_API__DATABASE_URL": api_url}
    done = await asyncio.to_thread(lambda: sendto("relay", "republish", *arguments, env=env))
    return done.returncode, (done.stdout + done.stderr).decode()


async def test_a_window_is_published_again_as_it_was(api: Caller, api_url: str, api_database: Database) -> None:
    await _orders(api, 2, customer=customer())
    await _published(api_database, 90)
    recent = await _orders(api, 3, customer=customer())
    events = await _waiting(api_database)
    await _published(api_database, 10)

    code, output = await _command(api_url, "--since", "1h")

    assert (code, output.count("3 events are in the outbox again")) == (0, 1)
    assert await _waiting(api_database) == events
    assert sorted(order_id for order_id, _, _ in events) == recent


async def test_everything_is_told_as_it_is_under_new_versions(
    api: Caller, api_url: str, api_database: Database
) -> None:
    present, absent = await _orders(api, 2, customer=customer()), await _orders(api, 1)
    before = {
        order_id: int((await api("GET", f"/v3/orders/{order_id}")).headers["etag"].strip('"'))
        for order_id in (*present, *absent)
    }
    await _published(api_database, 10)

    code, output = await _command(api_url, "--all")

    assert (code, output.count("3 orders are in the outbox again")) == (0, 1)
    waiting = await _waiting(api_database)
    assert [(order_id, kind) for order_id, kind, _ in waiting] == sorted(
        [(order_id, "customer.updated") for order_id in present] + [(absent[0], "customer.deleted")]
    )
    for order_id, _, version in waiting:
        assert version > before[order_id]
        assert (await api("GET", f"/v3/orders/{order_id}")).headers["etag"] == f'"{version}"'
    async with api_database.connection() as connection:
        values = await connection.fetch("SELECT value::json AS value FROM outbox WHERE published_at IS NULL")
    assert {row["value"].get("customer", {}).get("mobile_e164") for row in values} == {"+447777777777", None}


async def test_everything_goes_on_where_it_was_cut_short(
    api: Caller, api_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await _orders(api, 5, customer=customer())
    await _published(api_database, 10)
    monkeypatch.setattr("sendto_api.outbox.republish._BATCH_ORDERS", 2)
    tell = republish_store.raise_and_tell
    batches = 0

    async def breaks(connection: Connection, *arguments: Any) -> None:
        nonlocal batches
        batches += 1
        await tell(connection, *arguments)
        if batches == 2:
            raise DatabaseAway("cut short")

    monkeypatch.setattr(republish_store, "raise_and_tell", breaks)
    with pytest.raises(DatabaseAway):
        await republish_everything(api_database, SETTINGS, lambda _: None)
    assert [order_id for order_id, _, _ in await _waiting(api_database)] == orders[:2]

    reported: list[int] = []
    assert await republish_everything(api_database, SETTINGS, reported.append) == 5

    assert reported == [4, 5]
    assert [order_id for order_id, _, _ in await _waiting(api_database)] == orders
    assert await republish_everything(api_database, SETTINGS, lambda _: None) == 5


@pytest.mark.parametrize("arguments", [(), ("--all", "--since", "1h"), ("--since", "yesterday"), ("--since", "0s")])
async def test_what_is_meant_must_be_said(api_url: str, arguments: tuple[str, ...]) -> None:
    assert (await _command(api_url, *arguments))[0] == 2
