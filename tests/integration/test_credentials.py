"""Credentials of the database and of Kafka are changed while two dispatchers deliver, as the runbook says."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from infra.events import Upstream
from infra.guard import MECHANISM, PROTOCOL, Guard
from infra.postgres import Databases
from infra.processes import Service, running
from infra.sandbox import Provider, sandbox
from infra.servers import OwnKafka, OwnPostgres, free_port
from infra.topics import new_topics, producing
from pydantic import SecretStr

from sendto.runtime.kafka import client_options
from sendto.runtime.settings import KafkaSettings

USERS = {"first": "first-password", "second": "second-password"}
CONFIG = """
[routing]
default = ["sandbox"]
[providers.sandbox]
adapter = "sandbox"
config = {{ url = "{url}" }}
"""


class Fleet:
    """Two dispatchers that read their credentials from the same files.

    Args:
        folder: for their files.
        given: settings by environment variable.
        secret: of them, those that stand in files.
    """

    def __init__(self, folder: Path, given: Mapping[str, str], secret: Mapping[str, str]) -> None:
        self._files = {name: folder / name.lower() for name in secret}
        self.write(secret)
        env = dict(given) | {f"{name}_FILE": str(file) for name, file in self._files.items()}
        ports = [free_port() for _ in range(2)]
        self.services = [
            Service(
                "dispatcher",
                env | {"SENDTO_DISPATCHER__PORT": str(port)},
                f"http://127.0.0.1:{port}",
                folder / f"dispatcher-{number}.log",
            )
            for number, port in enumerate(ports, start=1)
        ]

    def write(self, secret: Mapping[str, str]) -> None:
        """Change what stands in the files."""
        for name, value in secret.items():
            self._files[name].write_text(value + "\n", encoding="utf-8")

    async def restart_one_by_one(self) -> None:
        """Each is ready again before the next one is stopped."""
        for service in self.services:
            assert await service.end() == 0
            await service.start()


class Running:
    """A fleet with its source of events and its provider."""

    def __init__(self, fleet: Fleet, upstream: Upstream, provider: Provider) -> None:
        self.fleet = fleet
        self._upstream = upstream
        self._provider = provider

    async def deliver(self, *order_ids: int) -> None:
        """Publish these orders, and see them at the provider."""
        for order_id in order_ids:
            await self._upstream.put(order_id, 1)
        for order_id in order_ids:
            await self._provider.holds(order_id)


@asynccontextmanager
async def _fleet(
    folder: Path, kafka: OwnKafka, given: Mapping[str, str], secret: Mapping[str, str]
) -> AsyncIterator[Running]:
    topics = await new_topics(kafka.bootstrap_servers)
    named = {f"SENDTO_TOPICS__{name.upper()}": str(value) for name, value in topics.model_dump().items()}
    config = folder / "sendto.toml"
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(sandbox(folder / "sandbox"))
        config.write_text(CONFIG.format(url=provider.url), encoding="utf-8")
        fleet = Fleet(folder, named | {"SENDTO_CONFIG": str(config)} | dict(given), secret)
        for service in fleet.services:
            await stack.enter_async_context(running(service))
        producer = await stack.enter_async_context(producing(kafka.bootstrap_servers))
        yield Running(fleet, Upstream(producer, topics.events), provider)


def _as(url: str, user: str, password: str) -> str:
    place = urlsplit(url)
    return urlunsplit(place._replace(netloc=f"{user}:{password}@{place.hostname}:{place.port}"))


@pytest.fixture
async def kafka_with_users(tmp_path: Path) -> AsyncIterator[OwnKafka]:
    """A Kafka that lets two users in by name and password, over TLS."""
    (tmp_path / "kafka").mkdir()
    guard = Guard(USERS)
    guard.authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with OwnKafka(tmp_path / "kafka", guard=guard).running() as kafka:
        yield kafka


@pytest.fixture
async def own_database_url(tmp_path: Path) -> AsyncIterator[str]:
    """A database whose role is ours alone, in a PostgreSQL that asks for passwords."""
    (tmp_path / "postgres").mkdir()
    with OwnPostgres(tmp_path / "postgres").running() as postgres:
        async with Databases(postgres.url("postgres")).migrated("dispatcher") as url:
            await _execute(url, "CREATE ROLE relay LOGIN SUPERUSER PASSWORD 'old'")
            yield url


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_both_are_changed_and_nothing_waits(
    own_database_url: str, kafka_with_users: OwnKafka, tmp_path: Path
) -> None:
    database, old, new = "SENDTO_DISPATCHER__DATABASE_URL", *(_as(own_database_url, "relay", p) for p in ("old", "new"))
    given = {
        "SENDTO_KAFKA__BOOTSTRAP_SERVERS": str(kafka_with_users.guarded),
        "SENDTO_KAFKA__SECURITY_PROTOCOL": PROTOCOL,
        "SENDTO_KAFKA__SASL_MECHANISM": MECHANISM,
        "SENDTO_KAFKA__SSL_CA_FILE": str(tmp_path / "authority.pem"),
    }
    user, password = "SENDTO_KAFKA__SASL_USERNAME", "SENDTO_KAFKA__SASL_PASSWORD"
    secret = {database: old, user: "first", password: USERS["first"]}
    async with _fleet(tmp_path, kafka_with_users, given, secret) as running_fleet:
        await running_fleet.deliver(1, 2, 3)

        await _execute(own_database_url, "ALTER ROLE relay PASSWORD 'new'")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _execute(old, "SELECT 1")
        await running_fleet.deliver(4, 5, 6)  # connections that are there stay
        running_fleet.fleet.write({database: new})
        await running_fleet.fleet.restart_one_by_one()
        await running_fleet.deliver(7, 8, 9)

        running_fleet.fleet.write({user: "second", password: USERS["second"]})
        await running_fleet.fleet.restart_one_by_one()
        await running_fleet.deliver(10, 11, 12)


async def test_kafka_asks_for_them_and_shows_who_it_is(kafka_with_users: OwnKafka, tmp_path: Path) -> None:
    guarded, known = str(kafka_with_users.guarded), tmp_path / "authority.pem"

    with pytest.raises(KafkaError):
        await _topics_as(guarded, "first", "wrong", known)
    with pytest.raises(KafkaError):
        await _topics_as(guarded, "first", USERS["first"], None)
    assert await _topics_as(guarded, "first", USERS["first"], known) is not None


async def _topics_as(servers: str, user: str, password: str, authority: Path | None) -> set[str]:
    settings = KafkaSettings(
        bootstrap_servers=servers,
        security_protocol=PROTOCOL,
        sasl_mechanism=MECHANISM,
        sasl_username=user,
        sasl_password=SecretStr(password),
        ssl_ca_file=authority,
    )
    consumer = AIOKafkaConsumer(**client_options(settings, client_id="test"))
    try:
        await consumer.start()
        return set(await consumer.topics())
    finally:
        await consumer.stop()
