"""The dispatcher's tables. They define the schema; the hot paths write it with set-based SQL of their own.

Times are `timestamptz` and the database's clock. `carried, version` is an order's version as the rules compare it:
a carried one is newer than any that the dispatcher counted itself.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from sendto_dispatcher.store import ops_tables
from sendto_dispatcher.store.columns import (
    Table,
    big_column,
    flag_column,
    map_column,
    now_column,
    serial_column,
    text_column,
    time_column,
)

metadata = ops_tables.metadata
"""of all tables, those of ops among them"""


class OrderState(Table, table=True):
    """The newest known customer of one (source, order), also after a deletion (then without personal data)."""

    __tablename__ = "order_state"
    __table_args__ = (
        Index(
            "order_state_unrouted_idx",
            "order_id",
            "source",
            postgresql_where=text("route = 'unrouted' AND present"),
        ),
        Index(
            "order_state_email_idx",
            text("lower(customer ->> 'email')"),
            postgresql_where=text("customer IS NOT NULL"),
        ),
    )

    order_id: int = Field(sa_column=big_column(primary_key=True, autoincrement=False))
    source: str = Field(sa_column=text_column(primary_key=True))
    carried: bool
    version: int = Field(sa_column=big_column())
    present: bool
    customer: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    """`sendto.events.customer.Customer` as JSON; null after a deletion"""
    order_snapshot: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    """`sendto.events.customer.OrderSnapshot` as JSON; null where no event brought one, and after a deletion"""
    event_id: str = Field(sa_column=text_column())
    occurred_at: datetime = Field(sa_column=time_column())
    """the event's own time, else its record's"""
    traceparent: str | None = Field(sa_column=text_column(nullable=True))
    route: str = Field(sa_column=text_column())
    """why it goes where it goes: `event`, `rule 1` …, `default`, `unrouted`"""
    providers: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """where it goes; kept after a deletion"""
    changed_at: datetime = Field(sa_column=now_column(index=True))


class Lane(Table, table=True):
    """One (provider, source, order): what the provider should hold (desired) and is known to hold (applied)."""

    __tablename__ = "lane"
    __table_args__ = (
        Index("lane_order_idx", "order_id", "source", "provider", unique=True),
        Index("lane_due_idx", "provider", "hanging", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("lane_resting_idx", "provider", "resting", "id", postgresql_where=text("resting IS NOT NULL")),
        Index(
            "lane_behind_idx",
            "provider",
            "behind_since",
            postgresql_where=text("behind_since IS NOT NULL AND resting IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=serial_column())
    provider: str = Field(sa_column=text_column())
    source: str = Field(sa_column=text_column())
    order_id: int = Field(sa_column=big_column())
    reference: str = Field(sa_column=text_column())
    """our external id at the provider; fixed for an incarnation"""
    incarnation: int = Field(sa_column_kwargs={"server_default": text("1")})

    desired_generation: int = Field(sa_column=big_column())
    desired_carried: bool
    desired_version: int = Field(sa_column=big_column())
    desired_present: bool

    applied_generation: int = Field(sa_column=big_column(server_default=text("0")))
    applied_carried: bool | None
    applied_version: int | None = Field(sa_column=big_column(nullable=True))
    applied_present: bool = flag_column()
    """whether the provider is known to hold an object; says nothing while `in_doubt`"""
    unconfirmed: bool = flag_column()
    """the provider has accepted the state and applies it later"""
    remote: str | None = Field(sa_column=text_column(nullable=True))
    """the provider's own id of the object"""
    digest: bytes | None = Field(sa_column=Column(LargeBinary))
    """keyed digest of the content that was surely applied; null means unknown"""
    resend_generation: int = Field(sa_column=big_column(server_default=text("0")))
    """from this generation on, what was sent tells what the provider holds: older calls may have been overtaken"""

    in_doubt: bool = flag_column()
    """claimed, and not known whether something was sent"""
    kept_generation: int | None = Field(sa_column=big_column(nullable=True))
    kept_body: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    """the state that a create with a request key sent, until its outcome is known; erasure clears it"""
    kept_at: datetime | None = Field(sa_column=time_column(nullable=True))

    lease_token: UUID | None = Field(sa_column=Column(PG_UUID(as_uuid=True)))
    lease_generation: int | None = Field(sa_column=big_column(nullable=True))
    lease_doubt: bool | None
    """`in_doubt` as the claim found it, for a release"""
    leased_by: str | None = Field(sa_column=text_column(nullable=True))
    leased_at: datetime | None = Field(sa_column=time_column(nullable=True))

    due_at: datetime | None = Field(sa_column=time_column(nullable=True))
    """when it may be claimed; while leased, when the lease ends; null when there is nothing to do"""
    not_before: datetime | None = Field(sa_column=time_column(nullable=True))
    """the provider's Retry-After for this lane, or when a look-up can tell something: not even a probe comes earlier"""
    attempts: int = Field(sa_column_kwargs={"server_default": text("0")})
    """failed attempts in a row; decides the backoff"""
    failing_since: datetime | None = Field(sa_column=time_column(nullable=True))
    """first failed attempt of the desired generation"""
    failing_stopped_s: float | None
    """the provider's `stopped_s` at that moment"""
    hanging: bool = flag_column()
    """the last attempt timed out"""
    resting: str | None = Field(sa_column=text_column(nullable=True))
    """`dead` (given up), `unknown` (dead: outcome unknown), `taken` (dead: the reference is another source's),
    `unsupported`, `shadow` (translated, not sent); null: it goes on by itself"""
    reason: str | None = Field(sa_column=text_column(nullable=True))
    """code of the last outcome that was no success"""
    detail: str | None = Field(sa_column=text_column(nullable=True))
    """the adapter's safe words for it"""
    behind_since: datetime | None = Field(sa_column=time_column(nullable=True))
    """since when the provider has not held the newest state; null when converged"""
    changed_at: datetime = Field(sa_column=now_column())


class LaneReference(Table, table=True):
    """Which (source, order) owns a reference at a provider."""

    __tablename__ = "lane_reference"

    provider: str = Field(sa_column=text_column(primary_key=True))
    reference: str = Field(sa_column=text_column(primary_key=True))
    source: str = Field(sa_column=text_column())
    order_id: int = Field(sa_column=big_column())


class Attempt(Table, table=True):
    """One adapter call and what it came to; append-only, no personal data."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_order_idx", "order_id", "source"),
        Index("attempt_started_at_idx", "started_at", postgresql_using="brin"),
    )

    id: int | None = Field(default=None, sa_column=serial_column())
    lane_id: int = Field(sa_column=big_column())
    provider: str = Field(sa_column=text_column())
    source: str = Field(sa_column=text_column())
    order_id: int = Field(sa_column=big_column())
    generation: int = Field(sa_column=big_column())
    carried: bool
    version: int = Field(sa_column=big_column())
    operation: str = Field(sa_column=text_column())
    number: int
    """from 1; counts the failures before it"""
    outcome: str = Field(sa_column=text_column())
    reason: str | None = Field(sa_column=text_column(nullable=True))
    detail: str | None = Field(sa_column=text_column(nullable=True))
    requests: int
    lease_token: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    replica: str = Field(sa_column=text_column())
    started_at: datetime = Field(sa_column=time_column())
    duration_ms: float
    settled: bool
    """whether its settle passed the fence"""


class IntakeEvent(Table, table=True):
    """One event that was taken from the topic, and whether it counted; append-only, no personal data."""

    __tablename__ = "intake_event"
    __table_args__ = (
        Index("intake_event_order_idx", "order_id", "source"),
        Index("intake_event_taken_at_idx", "taken_at", postgresql_using="brin"),
    )

    id: int | None = Field(default=None, sa_column=serial_column())
    source: str = Field(sa_column=text_column())
    order_id: int = Field(sa_column=big_column())
    event_id: str = Field(sa_column=text_column())
    type: str = Field(sa_column=text_column())
    carried: bool
    version: int = Field(sa_column=big_column())
    topic: str = Field(sa_column=text_column())
    partition: int
    record_offset: int = Field(sa_column=big_column())
    verdict: str = Field(sa_column=text_column())
    """`counted`, `folded` (newer state in the same batch), `stale`, `repeated`"""
    route: str | None = Field(sa_column=text_column(nullable=True))
    traceparent: str | None = Field(sa_column=text_column(nullable=True))
    taken_at: datetime = Field(sa_column=now_column())


class IntakePosition(Table, table=True):
    """The next offset to be read of a partition, of the cluster in which it was read."""

    __tablename__ = "intake_position"

    topic: str = Field(sa_column=text_column(primary_key=True))
    partition: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    cluster_id: str = Field(sa_column=text_column())
    next_offset: int = Field(sa_column=big_column())
    updated_at: datetime = Field(sa_column=now_column())


class RejectedEvent(Table, table=True):
    """A record that is no event of ours: why, where it stands, and its bytes."""

    __tablename__ = "rejected_event"
    __table_args__ = (
        Index("rejected_event_unpublished_idx", "id", postgresql_where=text("published_at IS NULL")),
        Index("rejected_event_order_idx", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("rejected_event_reason_idx", "reason", "id"),
        Index("rejected_event_source_idx", "source", "id"),
        Index("rejected_event_source_reason_idx", "source", "reason", "id"),
        Index("rejected_event_place_idx", "cluster_id", "topic", "partition", "record_offset", unique=True),
    )

    id: int | None = Field(default=None, sa_column=serial_column())
    cluster_id: str = Field(sa_column=text_column())
    topic: str = Field(sa_column=text_column())
    partition: int
    record_offset: int = Field(sa_column=big_column())
    source: str | None = Field(sa_column=text_column(nullable=True))
    order_id: int | None = Field(sa_column=big_column(nullable=True))
    reason: str = Field(sa_column=text_column())
    """a code from the closed list of `sendto.events`"""
    detail: str = Field(sa_column=text_column())
    record_key: bytes | None = Field(sa_column=Column(LargeBinary))
    record_value: bytes | None = Field(sa_column=Column(LargeBinary))
    record_headers: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    """pairs of name and Base64 value, in order"""
    rejected_at: datetime = Field(sa_column=now_column())
    published_at: datetime | None = Field(sa_column=time_column(nullable=True))


class DeliveryEvent(Table, table=True):
    """What is to be told on the deliveries topic, if it is configured."""

    __tablename__ = "delivery_event"
    __table_args__ = (Index("delivery_event_unpublished_idx", "id", postgresql_where=text("published_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=serial_column())
    event_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    type: str = Field(sa_column=text_column())
    order_id: int = Field(sa_column=big_column())
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    occurred_at: datetime = Field(sa_column=now_column())
    published_at: datetime | None = Field(sa_column=time_column(nullable=True))


class ProviderState(Table, table=True):
    """What the fleet knows of a provider: pause (by ops), hold and breaker (by us), and its bucket of requests."""

    __tablename__ = "provider_state"

    provider: str = Field(sa_column=text_column(primary_key=True))
    paused_at: datetime | None = Field(sa_column=time_column(nullable=True))
    paused_by: str | None = Field(sa_column=text_column(nullable=True))
    pause_reason: str | None = Field(sa_column=text_column(nullable=True))
    held_at: datetime | None = Field(sa_column=time_column(nullable=True))
    hold_reason: str | None = Field(sa_column=text_column(nullable=True))
    opened_at: datetime | None = Field(sa_column=time_column(nullable=True))
    """since when the breaker is open"""
    probe_at: datetime | None = Field(sa_column=time_column(nullable=True))
    """when the next probe may go out, while held or open"""
    probed_lanes: list[int] = Field(
        sa_column=Column(ARRAY(BigInteger), nullable=False, server_default=text("'{}'::bigint[]"))
    )
    """the lanes that were probed since it was held or opened, so that each probe takes another"""
    blocked_until: datetime | None = Field(sa_column=time_column(nullable=True))
    """the provider's own Retry-After"""
    stopped_s: float = Field(sa_column_kwargs={"server_default": text("0")})
    """seconds that it was paused, held, open or not served, up to `stopped_since`"""
    stopped_since: datetime | None = Field(sa_column=time_column(nullable=True))
    served_at: datetime | None = Field(sa_column=time_column(nullable=True))
    """when a process last said that it serves it"""
    tokens: float = Field(sa_column_kwargs={"server_default": text("0")})
    """requests that may go out now"""
    tokens_at: datetime | None = Field(sa_column=time_column(nullable=True))


class Replica(Table, table=True):
    """A running dispatcher process: its heartbeat and the digest of the configuration that it uses."""

    __tablename__ = "replica"

    id: str = Field(sa_column=text_column(primary_key=True))
    host: str = Field(sa_column=text_column())
    pid: int
    release: str = Field(sa_column=text_column())
    config_digest: str = Field(sa_column=text_column())
    started_at: datetime = Field(sa_column=now_column())
    heartbeat_at: datetime = Field(sa_column=now_column())
    lag: dict[str, Any] = Field(sa_column=map_column())
    """records not yet taken, by partition that it reads; none where Kafka is away"""
    unready: dict[str, Any] = Field(sa_column=map_column())
    """what keeps it from being ready, by check"""
    broken: dict[str, Any] = Field(sa_column=map_column())
    """configured providers that it cannot serve, and why"""
    refused: str | None = Field(sa_column=text_column(nullable=True))
    """why the newest configuration that it was given is not in force"""
