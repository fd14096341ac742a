"""A dispatcher's lanes without Kafka: events taken, lanes claimed and settled by the store itself, step by step."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from msgspec import structs

from sendto.events.customer import Customer, OrderSnapshot
from sendto.events.envelope import CustomerEvent, EventType
from sendto.kernel.backoff import Backoff
from sendto.runtime.database import Connection, Database
from sendto.sdk import Capabilities, Idempotency
from sendto_dispatcher.domain.endings import Ending, Finished
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.plan import Send, plan
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.domain.settle import Policy
from sendto_dispatcher.engine.record import attempt_record
from sendto_dispatcher.store import claims, positions, providers
from sendto_dispatcher.store.identity import identity
from sendto_dispatcher.store.intake import take
from sendto_dispatcher.store.settles import Settled, write_settles
from sendto_dispatcher.store.taking import IntakeRules, Record

CLUSTER, TOPIC, SOURCE = "cluster", "events", "/shop/upstream"
NAME = "sandbox"
UPSERT = Capabilities(upsert=True, idempotency=Idempotency.NATURAL_KEY)


class Lanes:
    """A dispatcher's database with one provider, and the steps that its processes take in it.

    Args:
        database: with the dispatcher's tables.
        to: the providers that every order is routed to.
    """

    def __init__(self, database: Database, to: Iterable[str] = (NAME,)) -> None:
        self.database = database
        self.capabilities = UPSERT
        self.lease_s = 60.0
        self.route(*to)
        self._offset = 0

    def route(self, *to: str) -> None:
        """Route events to these providers from now on."""
        self.rules = IntakeRules(routing=Routing((), tuple(to)), prefixes={}, carrying=frozenset())

    @property
    def policy(self) -> Policy:
        """One second of backoff, doubled each time; given up after a thousand."""
        return Policy(backoff=Backoff(base_s=1, cap_s=100), give_up_after_s=1_000, capabilities=self.capabilities)

    async def put(self, order_id: int, version: int, **customer: Any) -> None:
        """Take an event with this state."""
        await self.take([self.event(order_id, version, **customer)])

    async def delete(self, order_id: int, version: int) -> None:
        """Take a deletion."""
        await self.take([self.event(order_id, version, gone=True)])

    def event(
        self, order_id: int, version: int | None, *, gone: bool = False, source: str = SOURCE, **customer: Any
    ) -> CustomerEvent:
        """An event of an upstream system; `order=None` leaves the snapshot out."""
        order = customer.pop("order", {"order_type": "delivery"})
        person = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@shop.test"} | customer
        return CustomerEvent(
            type=EventType.DELETED if gone else EventType.UPDATED,
            id=str(uuid4()),
            source=source,
            order_id=order_id,
            orderversion=version,
            customer=None if gone else Customer(**person),
            order=None if gone or order is None else OrderSnapshot(**order),
        )

    async def take(self, events: Iterable[CustomerEvent], *, doubtful: bool = False) -> None:
        """Take a batch, as the intake does."""
        await self.take_records([self._record(event, doubtful=doubtful) for event in events])

    async def take_records(self, records: Sequence[Record]) -> None:
        """Take records, events or not, as the intake does."""

        async def work(connection: Connection) -> None:
            await positions.place(connection, TOPIC, CLUSTER, {0: 0})
            await take(connection, CLUSTER, records, self.rules)

        await self.database.in_transaction(work)

    async def claim(
        self,
        lanes: int = 100,
        *,
        provider: str = NAME,
        hanging: int = 100,
        database: str | None = None,
        since: datetime | None = None,
    ) -> list[Claim]:
        """Claim due lanes, and keep what is kept, as a runner does."""
        asked = await self.request(lanes, provider=provider, hanging=hanging, database=database)
        request = replace(asked, since=since)

        async def work(connection: Connection) -> list[Claim]:
            found = await claims.claim(connection, request)
            await claims.keep_bodies(connection, [one for claim in found for one in self._keep(claim)])
            return found

        return await self.database.in_transaction(work)

    async def request(
        self, lanes: int = 100, *, provider: str = NAME, hanging: int = 100, database: str | None = None
    ) -> claims.ClaimRequest:
        """A claim of a process of its own."""
        async with self.database.connection() as connection:
            found = await identity(connection)
        return claims.ClaimRequest(
            provider=provider,
            lanes=lanes,
            hanging_lanes=hanging,
            token=uuid4(),
            replica="test",
            lease_s=self.lease_s,
            database=found if database is None else database,
        )

    def finished(self, claim: Claim, ending: Ending, **changes: Any) -> Finished:
        """How an attempt of this claim ended; sent, unless it is said otherwise."""
        step = plan(claim, self.capabilities)
        lane = claim.lane
        plain = Finished(
            lane_id=lane.id,
            lease_token=lane.lease_token,
            operation=step.operation if isinstance(step, Send) else None,
            generation=step.generation if isinstance(step, Send) else lane.generation,
            version=step.state.version if isinstance(step, Send) and step.state else lane.version,
            ending=ending,
            sent=True,
            number=lane.attempts + 1,
            requests=1,
            digest=b"digest",
        )
        return structs.replace(plain, **changes)

    async def settle(self, claim: Claim, ending: Ending, **changes: Any) -> Settled:
        """Settle one attempt."""
        return await self.settle_all([(claim, self.finished(claim, ending, **changes))])

    async def settle_all(self, ended: Iterable[tuple[Claim, Finished]]) -> Settled:
        """Settle attempts in one batch."""
        records = [attempt_record(claim.lane, finished, 1.0) for claim, finished in ended]

        async def work(connection: Connection) -> Settled:
            return await write_settles(connection, records, lambda _: self.policy, replica="test")

        settled = await self.database.by_statements(work)
        while settled.moved:
            records = list(settled.moved)
            settled = _both(settled, await self.database.by_statements(work))
        return settled

    async def expire(self, *order_ids: int) -> None:
        """Let leases and waits run out: what has a due time is due."""
        await self.run(
            "UPDATE lane SET due_at = clock_timestamp() WHERE order_id = ANY($1) AND due_at IS NOT NULL",
            list(order_ids),
        )

    async def lane(self, order_id: int, provider: str = NAME) -> dict[str, Any]:
        """A lane's row."""
        [row] = await self.rows("SELECT * FROM lane WHERE order_id = $1 AND provider = $2", order_id, provider)
        return row

    async def attempts(self, order_id: int) -> list[dict[str, Any]]:
        """An order's attempts, oldest first."""
        return await self.rows("SELECT * FROM attempt WHERE order_id = $1 ORDER BY id", order_id)

    async def provider(self, name: str = NAME) -> dict[str, Any]:
        """A provider's row, made where it is missing."""
        async with self.database.connection() as connection:
            await providers.know(connection, [name])
        [row] = await self.rows("SELECT * FROM provider_state WHERE provider = $1", name)
        return row

    async def rows(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """What a statement finds."""
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]

    async def run(self, statement: str, *arguments: object) -> None:
        """Run one statement."""
        async with self.database.connection() as connection:
            await connection.execute(statement, *arguments)

    async def waits_for_lock(self, application: str, kind: str = "%") -> bool:
        """Whether a connection of this application name waits for a lock of this kind."""
        found = await self.rows(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
            " AND wait_event LIKE $2",
            application,
            kind,
        )
        return bool(found)

    def _keep(self, claim: Claim) -> Iterable[claims.Keep]:
        step = plan(claim, self.capabilities)
        if isinstance(step, Send) and step.keep and step.state and step.generation == claim.lane.generation:
            yield claim.lane.id, step.generation, step.state

    def next_offset(self) -> int:
        """The place of the next record in the partition."""
        self._offset += 1
        return self._offset

    def _record(self, event: CustomerEvent, *, doubtful: bool) -> Record:
        return self.record(event, self.next_offset(), doubtful=doubtful)

    def record(self, event: CustomerEvent, offset: int, *, partition: int = 0, doubtful: bool = False) -> Record:
        """The record of an event at a place of the topic."""
        return Record(
            topic=TOPIC,
            partition=partition,
            offset=offset,
            recorded_at=datetime.now(UTC),
            key=str(event.order_id).encode(),
            value=b"",
            headers=(),
            decoded=event,
            doubtful=doubtful,
        )


def _both(one: Settled, other: Settled) -> Settled:
    return Settled(lanes=one.lanes | other.lanes, fenced=one.fenced | other.fenced, moved=other.moved)
