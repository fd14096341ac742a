"""What other producers' libraries write: compressed batches, headers that are no text. Nothing stops a partition."""

import asyncio
import subprocess
from typing import Any

import pytest
from infra.events import Upstream, binary_headers
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.tools import tool
from integration.dispatcher.conftest import Rows, Settings, dispatching


async def _kcat(kafka: str, topic: str, partition: int, *options: str | bytes, value: bytes) -> None:
    kcat = await asyncio.create_subprocess_exec(
        tool("kcat"), "-P", "-b", kafka, "-t", topic, "-p", str(partition), *options, stdin=subprocess.PIPE
    )
    await kcat.communicate(value)
    assert kcat.returncode == 0


async def _partition(upstream: Upstream) -> int:
    return int((await upstream.raw(b"7", b"first", [])).partition)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_of_kafka_is_read(
    codec: str, upstream: Upstream, provider: Provider, settings: Settings, kafka: str
) -> None:
    headers = [f"{name}={content.decode()}" for name, content in binary_headers("customer.updated", 1)]
    value = b'{"order_id": 7, "customer": {"first_name": "Packed", "last_name": ""}}'
    partition = await _partition(upstream)
    async with dispatching(settings):
        options = [option for header in headers for option in ("-H", header)]
        await _kcat(kafka, settings["topics"]["events"], partition, "-z", codec, "-k", "7", *options, value=value)
        await provider.holds(7, first_name="Packed")


async def test_a_header_whose_name_is_no_text_is_rejected_and_what_stands_around_it_is_taken(
    upstream: Upstream, provider: Provider, settings: Settings, kafka: str, rows: Rows
) -> None:
    topic, bad = settings["topics"]["events"], ("-k", "7", "-H", b"\xff\xfe=1")
    partition = await _partition(upstream)
    for version in range(1, 4):
        await upstream.put(7, version, first_name=f"Name {version}")
    for _ in range(2):
        await _kcat(kafka, topic, partition, *bad, value=b"value")
    await upstream.put(7, 4, first_name="After")
    async with dispatching(settings):
        await provider.holds(7, first_name="After")
        await _kcat(kafka, topic, partition, *bad, value=b"value")
        await upstream.put(7, 5, first_name="Last")
        await provider.holds(7, first_name="Last")

        async def rejected() -> list[dict[str, Any]] | None:
            found = await rows(
                "SELECT record_offset, reason FROM rejected_event WHERE published_at IS NOT NULL ORDER BY record_offset"
            )
            return found if len(found) == 4 else None

        found = await eventually(rejected) or []
    assert [(row["record_offset"], row["reason"]) for row in found] == [
        (0, "attribute_missing"),
        (4, "attribute_invalid"),
        (5, "attribute_invalid"),
        (7, "attribute_invalid"),
    ]
    verdicts = await rows("SELECT record_offset FROM intake_event ORDER BY record_offset")
    assert [row["record_offset"] for row in verdicts] == [1, 2, 3, 6, 8]
