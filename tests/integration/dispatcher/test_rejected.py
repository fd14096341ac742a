"""What is no event lands on the dead-letter topic and in the table with its reason, and nothing waits for it."""

from typing import Any

import pytest
from infra.events import Upstream, binary_headers
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.topics import read_all
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.database import Database

GOOD = b'{"order_id": 7, "customer": {"first_name": "A", "last_name": "B"}}'
CREATED = binary_headers("customer.created", 1)
BAD: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]], str]] = [
    (b"7", b"{not json", CREATED, "json_invalid"),
    (b"7", b'{"order_id": 7}', CREATED, "data_invalid"),
    (b"8", GOOD, CREATED, "key_mismatch"),
    (None, GOOD, CREATED, "key_missing"),
    (b"seven", GOOD, CREATED, "key_invalid"),
    (b"7", GOOD, binary_headers("customer.moved", 1), "type_unknown"),
    (b"7", GOOD, [("ce_id", b"\xff\xfe")], "attribute_invalid"),
    (b"7", b"x" * 70_000, CREATED, "too_large"),
]


@pytest.mark.usefixtures("dispatcher")
async def test_bad_records_are_kept_with_their_reasons_and_good_ones_flow(
    upstream: Upstream, provider: Provider, rows: Rows, kafka: str, settings: Settings
) -> None:
    placed = [await upstream.raw(key, value, headers) for key, value, headers, _ in BAD]
    await upstream.put(7, 1, first_name="Good")

    await provider.holds(7, first_name="Good")

    async def kept() -> list[dict[str, Any]] | None:
        found = await rows("SELECT partition, record_offset, reason FROM rejected_event")
        return found if len(found) == len(BAD) else None

    reasons = {(row["partition"], row["record_offset"]): row["reason"] for row in await eventually(kept) or []}
    assert [reasons[place.partition, place.offset] for place in placed] == [reason for *_, reason in BAD]

    async def published() -> list[Any] | None:
        letters = await read_all(kafka, settings["topics"]["dead_letters"])
        return letters if len(letters) == len(BAD) else None

    letters = await eventually(published) or []
    told = {dict(letter.headers)["sendto_reason"].decode(): letter for letter in letters}
    assert sorted(told) == sorted(reason for *_, reason in BAD)
    mismatch = told["key_mismatch"]
    assert (mismatch.key, mismatch.value) == (b"8", GOOD)
    assert set(CREATED) <= set(mismatch.headers)
    assert dict(mismatch.headers)["sendto_topic"].decode() == settings["topics"]["events"]


@pytest.mark.usefixtures("dispatcher")
async def test_what_the_database_refuses_is_found_by_halving_and_rejected_alone(
    upstream: Upstream, provider: Provider, rows: Rows, dispatch_database: Database
) -> None:
    async with dispatch_database.connection() as connection:
        await connection.execute("ALTER TABLE order_state ADD CONSTRAINT unlucky CHECK (order_id <> 13)")

    for order_id in range(10, 20):
        await upstream.put(order_id, 1)

    for order_id in (*range(10, 13), *range(14, 20)):
        await provider.holds(order_id)

    async def rejected() -> list[dict[str, Any]]:
        return await rows("SELECT order_id, reason FROM rejected_event")

    assert await eventually(rejected) == [{"order_id": 13, "reason": "not_storable"}]
    assert await provider.get(13) is None


async def test_sources_that_are_not_heard_are_rejected(
    upstream: Upstream, settings: Settings, provider: Provider, rows: Rows
) -> None:
    settings["sources"] = {"allow": ["/shop/upstream"]}
    stranger = Upstream(upstream.producer, settings["topics"]["events"], "/stranger")
    async with dispatching(settings):
        await stranger.put(7, 1)
        await upstream.put(8, 1)
        await provider.holds(8)

        async def rejected() -> list[dict[str, Any]]:
            return await rows("SELECT order_id, reason FROM rejected_event")

        assert await eventually(rejected) == [{"order_id": 7, "reason": "source_not_allowed"}]
    assert await provider.get(7) is None
