"""Whether a part is ready: asked as its users would ask."""

import logging
import urllib.error
import urllib.request
from asyncio import to_thread

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

_TIMEOUT_S = 3.0

# A probe is meant to fail until Kafka is there; its client would write a line about each.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


async def http_ready(url: str) -> bool:
    """Whether a service says that it is ready."""
    return await to_thread(_answers_ok, f"{url}/readyz")


async def postgres_ready(url: str) -> bool:
    """Whether PostgreSQL answers a query."""
    try:
        connection = await asyncpg.connect(url, timeout=_TIMEOUT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


async def kafka_ready(bootstrap_servers: str) -> bool:
    """Whether a producer can begin its work."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, enable_idempotence=True, request_timeout_ms=int(_TIMEOUT_S * 1000)
    )
    try:
        await producer.start()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await producer.stop()
    return True


def _answers_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S):  # noqa: S310 - an address of our own
            return True
    except (OSError, urllib.error.URLError, ValueError):
        return False
