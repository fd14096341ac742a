"""What a relay costs that keeps nothing: consume, POST, commit, with the events of one key one after another.

The limit that the dispatcher is measured against: the same Kafka client, the same HTTP client, the same process model,
no database, no retry. Run as a process (`python -m bench.bare_loop BOOTSTRAP TOPIC URL IN_FLIGHT RECORDS`); it ends
when it has sent all records, and prints its CPU seconds.
"""

import asyncio
import resource
import sys
from collections import deque
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pyreqwest.client import Client, ClientBuilder
from standardwebhooks import Webhook

SECRET = "whsec_c2VuZHRvLWJlbmNobWFyay1zZWNyZXQtMzItYnl0ZXM="


class Loop:
    """Sends each record's event to one address: one chain for each key, at most `in_flight` chains at a time."""

    def __init__(self, client: Client, url: str, in_flight: int) -> None:
        self._client = client
        self._url = url
        self._slots = asyncio.Semaphore(in_flight)
        self._waiting = asyncio.Semaphore(8 * in_flight)
        self._chains: dict[bytes, deque[ConsumerRecord]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: dict[TopicPartition, dict[int, None]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._signer = Webhook(SECRET)
        self.sent = 0

    async def add(self, record: ConsumerRecord) -> None:
        """Take a record; waits while too many wait."""
        await self._waiting.acquire()
        partition = TopicPartition(record.topic, record.partition)
        self._open.setdefault(partition, {})[record.offset] = None
        self._next[partition] = record.offset + 1
        chain = self._chains.get(record.key)
        if chain is not None:
            chain.append(record)
            return
        self._chains[record.key] = deque([record])
        await self._slots.acquire()
        task = asyncio.create_task(self._send_chain(record.key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def committable(self) -> dict[TopicPartition, int]:
        """The offset below which everything was sent, by partition."""
        return {part: next(iter(self._open[part]), following) for part, following in self._next.items()}

    async def _send_chain(self, key: bytes) -> None:
        chain = self._chains[key]
        while chain:
            record = chain.popleft()
            await self._send(record)
            self.sent += 1
            del self._open[TopicPartition(record.topic, record.partition)][record.offset]
            self._waiting.release()
        del self._chains[key]
        self._slots.release()

    async def _send(self, record: ConsumerRecord) -> None:
        attributes = {name.removeprefix("ce_"): value.decode() for name, value in record.headers}
        event = {**attributes, "orderversion": int(attributes["orderversion"]), "data": msgspec.Raw(record.value)}
        body = msgspec.json.encode(event)
        moment, identity = datetime.now(UTC).replace(microsecond=0), str(uuid4())
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": identity,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._signer.sign(identity, moment, body.decode()),
        }
        async with self._client.post(self._url).headers(headers).body_bytes(body).build_streamed() as response:
            assert response.status == 204
            await response.bytes()


async def main(bootstrap_servers: str, topic: str, url: str, in_flight: int, records: int) -> None:
    """Send so many records, then end."""
    client = ClientBuilder().no_proxy().build()
    loop = Loop(client, url, in_flight)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        group_id="bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    taken = 0
    while taken < records:
        for part in (await consumer.getmany(timeout_ms=200, max_records=500)).values():
            for record in part:
                await loop.add(record)
            taken += len(part)
        if offsets := loop.committable():
            await consumer.commit(offsets)
    await loop.finish()
    await consumer.commit(loop.committable())
    await consumer.stop()
    await client.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(f"{used.ru_utime + used.ru_stime}\n")


if __name__ == "__main__":
    _, servers, name, address, most, number = sys.argv
    uvloop.run(main(servers, name, address, int(most), int(number)))
