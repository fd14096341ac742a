"""Forgetting a person, for the commands: begun, gone on with until the topic has been taken, and told of."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Self

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sendto.kernel.clock import Clock
from sendto.runtime.database import Connection, Database
from sendto.runtime.logs import logger
from sendto.runtime.settings import KafkaSettings, TopicSettings
from sendto.runtime.topic_facts import retentions_s, topic_ends
from sendto_dispatcher.ops.configured import Current
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.moves import wake_engines
from sendto_dispatcher.store import erasures as store
from sendto_dispatcher.store.tokens import Bearer

_log = logger(__name__)

Row = dict[str, Any]
OrderId = Annotated[int, Field(ge=1, le=2**63 - 1)]
Text = Annotated[str, Field(min_length=1, max_length=1_024, pattern=r"^[^\x00]*$")]


class OrderOfSource(BaseModel):
    """An order, and who published it."""

    order_id: OrderId
    source: Text


class ErasureRequest(BaseModel):
    """Whom to forget: in these orders, and in all whose customer has this email address."""

    model_config = ConfigDict(hide_input_in_errors=True)

    email: Text | None = None
    orders: Annotated[list[OrderOfSource], Field(max_length=100_000)] = []
    begin: bool = True
    """true also where one was cut short; false: look whether the one that is under way can end"""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.email is None and not self.orders:
            raise ValueError("needs an email address or orders")
        return self


class ProviderErasure(BaseModel):
    """What became of the orders at a provider."""

    provider: str
    configured: bool
    lanes: int
    removed: int
    """it holds nothing of them any more"""
    waiting: int
    """it will be told"""
    remaining: int
    """it cannot be told, or has refused"""
    reasons: list[str]


class TopicErasure(BaseModel):
    """A topic that may hold events of the person: they cannot be taken out of it."""

    topic: str
    known: bool
    """whether Kafka could be asked"""
    until: datetime | None
    """when the last of them has left it; null: never, or not known"""


class ErasureGlance(BaseModel):
    """An erasure that was begun, of which orders. Nothing in it tells of the person."""

    erasure: int
    orders: list[OrderOfSource]
    began_at: datetime
    ended_at: datetime | None


class ErasureReceipt(ErasureGlance):
    """What was forgotten, and what was not."""

    states: int
    lanes: int
    kept_bodies: int
    rejected: int
    waits_for: int | None
    """records of the topic that are to be taken first; null: Kafka could not be asked"""
    providers: list[ProviderErasure]
    topics: list[TopicErasure]


class Erasing:
    """Carries erasures out, a step at each request."""

    def __init__(
        self, database: Database, current: Current, kafka: KafkaSettings, topics: TopicSettings, clock: Clock
    ) -> None:
        self._database = database
        self._current = current
        self._kafka = kafka
        self._topics = topics
        self._clock = clock

    async def go_on(self, wanted: ErasureRequest, bearer: Bearer) -> ErasureReceipt:
        """Forget what is there; end once everything that was on the topic at the beginning has been taken."""
        person = _person(wanted)
        begin = wanted.begin or not await self._under_way(person)
        ends = await self._ends() if begin else None

        async def work(connection: Connection) -> tuple[Row, int | None]:
            row = await store.begin_or_go_on(connection, bearer.name, person)
            known = _higher(row["ends"], ends)
            waits_for = None if known is None else await store.left(connection, self._topics.events, known)
            if not begin and waits_for:
                return row, waits_for
            rules, last = self._current().rules, waits_for == 0
            return await store.step(connection, row, person, rules, ends=known, last=last), waits_for

        row, waits_for = await self._database.in_transaction(work)
        await wake_engines(self._database)
        return await self._receipt(row, waits_for)

    async def receipt(self, erasure_id: int) -> ErasureReceipt:
        """What is known of an erasure now; answers 404 where there is none."""
        async with self._database.connection() as connection:
            row = await store.erasure_row(connection, erasure_id)
            if row is None:
                raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no erasure {erasure_id}")
            waits_for = None
            if row["ends"] is not None:
                waits_for = await store.left(connection, self._topics.events, row["ends"])
        return await self._receipt(row, 0 if row["ended_at"] else waits_for)

    async def newest(self) -> list[ErasureGlance]:
        """The erasures that were begun last, the newest first."""
        async with self._database.connection() as connection:
            return [_glance(row) for row in await store.newest_rows(connection)]

    async def _receipt(self, row: Row, waits_for: int | None) -> ErasureReceipt:
        async with self._database.connection() as connection:
            providers = await store.provider_rows(connection, row)
        configured = self._current().providers
        return ErasureReceipt(
            **_glance(row).model_dump(),
            waits_for=waits_for,
            providers=[
                ProviderErasure(**one | {"configured": one["provider"] in configured, "reasons": one["reasons"] or []})
                for one in providers
            ],
            topics=await self._topics_left(),
            **{name: row[name] for name in ("states", "lanes", "kept_bodies", "rejected")},
        )

    async def _under_way(self, person: store.Person) -> bool:
        """Whether one of this person is, of which it is known where the topic ended."""
        async with self._database.connection() as connection:
            return await store.is_under_way(connection, person)

    async def _ends(self) -> Mapping[str, int] | None:
        try:
            ends = await topic_ends(self._kafka, self._topics.events)
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("erasure_waits", reason="Kafka is away", error=type(error).__name__)
            return None
        return {str(partition): offset for partition, offset in ends.items()}

    async def _topics_left(self) -> list[TopicErasure]:
        names = (self._topics.events, self._topics.dead_letters)
        try:
            kept = await retentions_s(self._kafka, names)
        except (KafkaError, OSError, TimeoutError, ValueError):
            return [TopicErasure(topic=name, known=False, until=None) for name in names]
        now = self._clock.now()
        return [
            TopicErasure(topic=name, known=True, until=now + timedelta(seconds=for_s) if for_s is not None else None)
            for name, for_s in kept.items()
        ]


def erasure_routes(database: Database, erasing: Erasing) -> APIRouter:
    """The routes under `/ops/erasures`. Whom to forget stands in the body, never in an address."""
    doors = Doors(database)
    routes = APIRouter(prefix="/ops/erasures", tags=["erasures"])

    @routes.post("")
    async def erase(wanted: ErasureRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> ErasureReceipt:
        """Forget a person here and at the providers; repeat with `begin` false until `ended_at` is there."""
        return await erasing.go_on(wanted, bearer)

    @routes.get("")
    async def newest(_: Annotated[Bearer, Depends(doors.reads)]) -> list[ErasureGlance]:
        """The erasures that were begun last, the newest first."""
        return await erasing.newest()

    @routes.get("/{erasure_id}")
    async def receipt(erasure_id: OrderId, _: Annotated[Bearer, Depends(doors.reads)]) -> ErasureReceipt:
        """What an erasure has come to."""
        return await erasing.receipt(erasure_id)

    return routes


def _glance(row: Row) -> ErasureGlance:
    orders = [
        OrderOfSource(order_id=order_id, source=source)
        for order_id, source in zip(row["order_ids"], row["sources"], strict=True)
    ]
    return ErasureGlance(erasure=row["id"], orders=orders, began_at=row["began_at"], ended_at=row["ended_at"])


def _person(wanted: ErasureRequest) -> store.Person:
    return store.Person(email=wanted.email, orders=[(one.order_id, one.source) for one in wanted.orders])


def _higher(known: Mapping[str, int] | None, ends: Mapping[str, int] | None) -> Mapping[str, int] | None:
    """The later end of each partition; None while Kafka could never be asked."""
    if known is None or ends is None:
        return known if ends is None else ends
    return {name: max(known.get(name, 0), ends.get(name, 0)) for name in known.keys() | ends.keys()}
