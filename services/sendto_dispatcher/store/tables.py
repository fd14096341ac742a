"""The dispatcher's tables. They define the schema; the hot paths write it with set-based SQL of their own.

Times are `timestamptz` and the database's clock. `carried, version` is an order's version as the rules compare it:
a carried one is newer than any that the dispatcher counted itself.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, MetaData, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

metadata = MetaData(
    naming_convention={"ix": "%(table_name)s_%(column_0_N_name)s_idx", "pk": "%(table_name)s_pkey"},
)


class Table(SQLModel):
    """Base of all tables of this database."""

    metadata = metadata


def _big(**options: Any) -> Any:  # noqa: ANN401 - passes on what Column takes
    return Column(BigInteger, **({"nullable": False} | options))


def _text(**options: Any) -> Any:  # noqa: ANN401
    return Column(Text, **({"nullable": False} | options))


def _time(**options: Any) -> Any:  # noqa: ANN401
    return Column(DateTime(timezone=True), **({"nullable": False} | options))


def _now(**options: Any) -> Any:  # noqa: ANN401
    return _time(server_default=text("now()"), **options)


def _serial() -> Any:  # noqa: ANN401
    return Column(BigInteger, Identity(always=True), primary_key=True)


def _flag(*, default: bool = False) -> Any:  # noqa: ANN401
    return Field(sa_column_kwargs={"server_default": text(str(default).lower())})


class OrderState(Table, table=True):
    """The newest known customer of one (source, order), also after a deletion (then without personal data)."""

    __tablename__ = "order_state"

    order_id: int = Field(sa_column=_big(primary_key=True, autoincrement=False))
    source: str = Field(sa_column=_text(primary_key=True))
    carried: bool
    version: int = Field(sa_column=_big())
    present: bool
    customer: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    """`sendto.events.customer.Customer` as JSON; null after a deletion"""
    order_snapshot: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    """`sendto.events.customer.OrderSnapshot` as JSON; null where no event brought one, and after a deletion"""
    event_id: str = Field(sa_column=_text())
    occurred_at: datetime = Field(sa_column=_time())
    """the event's own time, else its record's"""
    traceparent: str | None = Field(sa_column=_text(nullable=True))
    route: str = Field(sa_column=_text())
    """why it goes where it goes: `event`, `rule 1` …, `default`, `unrouted`"""
    providers: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """where it goes; kept after a deletion"""
    changed_at: datetime = Field(sa_column=_now(index=True))


class Lane(Table, table=True):
    """One (provider, source, order): what the provider should hold (desired) and is known to hold (applied)."""

    __tablename__ = "lane"
    __table_args__ = (
        Index("lane_order_idx", "order_id", "source", "provider", unique=True),
        Index("lane_due_idx", "provider", "hanging", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("lane_resting_idx", "provider", "resting", "id", postgresql_where=text("resting IS NOT NULL")),
        Index("lane_behind_idx", "provider", "behind_since", postgresql_where=text("behind_since IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=_serial())
    provider: str = Field(sa_column=_text())
    source: str = Field(sa_column=_text())
    order_id: int = Field(sa_column=_big())
    reference: str = Field(sa_column=_text())
    """our external id at the provider; fixed for an incarnation"""
    incarnation: int = Field(sa_column_kwargs={"server_default": text("1")})

    desired_generation: int = Field(sa_column=_big())
    desired_carried: bool
    desired_version: int = Field(sa_column=_big())
    desired_present: bool

    applied_generation: int = Field(sa_column=_big(server_default=text("0")))
    applied_carried: bool | None
    applied_version: int | None = Field(sa_column=_big(nullable=True))
    applied_present: bool = _flag()
    """whether the provider is known to hold an object; says nothing while `in_doubt`"""
    unconfirmed: bool = _flag()
    """the provider has accepted the state and applies it later"""
    remote: str | None = Field(sa_column=_text(nullable=True))
    """the provider's own id of the object"""
    digest: bytes | None = Field(sa_column=Column(LargeBinary))
    """keyed digest of the content that was surely applied; null means unknown"""
    resend_generation: int = Field(sa_column=_big(server_default=text("0")))
    """from this generation on, what was sent tells what the provider holds: older calls may have been overtaken"""

    in_doubt: bool = _flag()
    """claimed, and not known whether something was sent"""
    kept_generation: int | None = Field(sa_column=_big(nullable=True))
    kept_body: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    """the state that a create with a request key sent, until its outcome is known; erasure clears it"""
    kept_at: datetime | None = Field(sa_column=_time(nullable=True))

    lease_token: UUID | None = Field(sa_column=Column(PG_UUID(as_uuid=True)))
    lease_generation: int | None = Field(sa_column=_big(nullable=True))
    lease_doubt: bool | None
    """`in_doubt` as the claim found it, for a release"""
    leased_by: str | None = Field(sa_column=_text(nullable=True))
    leased_at: datetime | None = Field(sa_column=_time(nullable=True))

    due_at: datetime | None = Field(sa_column=_time(nullable=True))
    """when it may be claimed; while leased, when the lease ends; null when there is nothing to do"""
    not_before: datetime | None = Field(sa_column=_time(nullable=True))
    """the provider's Retry-After for this lane, or when a look-up can tell something: not even a probe comes earlier"""
    attempts: int = Field(sa_column_kwargs={"server_default": text("0")})
    """failed attempts in a row; decides the backoff"""
    failing_since: datetime | None = Field(sa_column=_time(nullable=True))
    """first failed attempt of the desired generation"""
    failing_stopped_s: float | None
    """the provider's `stopped_s` at that moment"""
    hanging: bool = _flag()
    """the last attempt timed out"""
    resting: str | None = Field(sa_column=_text(nullable=True))
    """`dead` (given up), `unknown` (dead: outcome unknown), `taken` (dead: the reference is another source's),
    `unsupported`, `shadow` (translated, not sent); null: it goes on by itself"""
    reason: str | None = Field(sa_column=_text(nullable=True))
    """code of the last outcome that was no success"""
    detail: str | None = Field(sa_column=_text(nullable=True))
    """the adapter's safe words for it"""
    behind_since: datetime | None = Field(sa_column=_time(nullable=True))
    """since when the provider has not held the newest state; null when converged"""
    changed_at: datetime = Field(sa_column=_now())


class LaneReference(Table, table=True):
    """Which (source, order) owns a reference at a provider."""

    __tablename__ = "lane_reference"

    provider: str = Field(sa_column=_text(primary_key=True))
    reference: str = Field(sa_column=_text(primary_key=True))
    source: str = Field(sa_column=_text())
    order_id: int = Field(sa_column=_big())


class Attempt(Table, table=True):
    """One adapter call and what it came to; append-only, no personal data."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_order_idx", "order_id", "source"),
        Index("attempt_started_at_idx", "started_at", postgresql_using="brin"),
    )

    id: int | None = Field(default=None, sa_column=_serial())
    lane_id: int = Field(sa_column=_big())
    provider: str = Field(sa_column=_text())
    source: str = Field(sa_column=_text())
    order_id: int = Field(sa_column=_big())
    generation: int = Field(sa_column=_big())
    carried: bool
    version: int = Field(sa_column=_big())
    operation: str = Field(sa_column=_text())
    number: int
    """from 1; counts the failures before it"""
    outcome: str = Field(sa_column=_text())
    reason: str | None = Field(sa_column=_text(nullable=True))
    detail: str | None = Field(sa_column=_text(nullable=True))
    requests: int
    lease_token: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    replica: str = Field(sa_column=_text())
    started_at: datetime = Field(sa_column=_time())
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

    id: int | None = Field(default=None, sa_column=_serial())
    source: str = Field(sa_column=_text())
    order_id: int = Field(sa_column=_big())
    event_id: str = Field(sa_column=_text())
    type: str = Field(sa_column=_text())
    carried: bool
    version: int = Field(sa_column=_big())
    topic: str = Field(sa_column=_text())
    partition: int
    record_offset: int = Field(sa_column=_big())
    verdict: str = Field(sa_column=_text())
    """`counted`, `folded` (newer state in the same batch), `stale`, `repeated`"""
    route: str | None = Field(sa_column=_text(nullable=True))
    traceparent: str | None = Field(sa_column=_text(nullable=True))
    taken_at: datetime = Field(sa_column=_now())


class IntakePosition(Table, table=True):
    """The next offset to be read of a partition, of the cluster in which it was read."""

    __tablename__ = "intake_position"

    topic: str = Field(sa_column=_text(primary_key=True))
    partition: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    cluster_id: str = Field(sa_column=_text())
    next_offset: int = Field(sa_column=_big())
    updated_at: datetime = Field(sa_column=_now())


class RejectedEvent(Table, table=True):
    """A record that is no event of ours: why, where it stands, and its bytes."""

    __tablename__ = "rejected_event"
    __table_args__ = (
        Index("rejected_event_unpublished_idx", "id", postgresql_where=text("published_at IS NULL")),
        Index("rejected_event_place_idx", "cluster_id", "topic", "partition", "record_offset", unique=True),
    )

    id: int | None = Field(default=None, sa_column=_serial())
    cluster_id: str = Field(sa_column=_text())
    topic: str = Field(sa_column=_text())
    partition: int
    record_offset: int = Field(sa_column=_big())
    source: str | None = Field(sa_column=_text(nullable=True))
    order_id: int | None = Field(sa_column=_big(nullable=True))
    reason: str = Field(sa_column=_text())
    """a code from the closed list of `sendto.events`"""
    detail: str = Field(sa_column=_text())
    record_key: bytes | None = Field(sa_column=Column(LargeBinary))
    record_value: bytes | None = Field(sa_column=Column(LargeBinary))
    record_headers: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    """pairs of name and Base64 value, in order"""
    rejected_at: datetime = Field(sa_column=_now())
    published_at: datetime | None = Field(sa_column=_time(nullable=True))


class DeliveryEvent(Table, table=True):
    """What is to be told on the deliveries topic, if it is configured."""

    __tablename__ = "delivery_event"
    __table_args__ = (Index("delivery_event_unpublished_idx", "id", postgresql_where=text("published_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=_serial())
    event_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    type: str = Field(sa_column=_text())
    order_id: int = Field(sa_column=_big())
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    occurred_at: datetime = Field(sa_column=_now())
    published_at: datetime | None = Field(sa_column=_time(nullable=True))


class ProviderState(Table, table=True):
    """What the fleet knows of a provider: pause (by ops), hold and breaker (by us), and its bucket of requests."""

    __tablename__ = "provider_state"

    provider: str = Field(sa_column=_text(primary_key=True))
    paused_at: datetime | None = Field(sa_column=_time(nullable=True))
    paused_by: str | None = Field(sa_column=_text(nullable=True))
    pause_reason: str | None = Field(sa_column=_text(nullable=True))
    held_at: datetime | None = Field(sa_column=_time(nullable=True))
    hold_reason: str | None = Field(sa_column=_text(nullable=True))
    opened_at: datetime | None = Field(sa_column=_time(nullable=True))
    """since when the breaker is open"""
    probe_at: datetime | None = Field(sa_column=_time(nullable=True))
    """when the next probe may go out, while held or open"""
    probed_lanes: list[int] = Field(
        sa_column=Column(ARRAY(BigInteger), nullable=False, server_default=text("'{}'::bigint[]"))
    )
    """the lanes that were probed since it was held or opened, so that each probe takes another"""
    blocked_until: datetime | None = Field(sa_column=_time(nullable=True))
    """the provider's own Retry-After"""
    stopped_s: float = Field(sa_column_kwargs={"server_default": text("0")})
    """seconds that it was paused, held or open, up to `stopped_since`"""
    stopped_since: datetime | None = Field(sa_column=_time(nullable=True))
    tokens: float = Field(sa_column_kwargs={"server_default": text("0")})
    """requests that may go out now"""
    tokens_at: datetime | None = Field(sa_column=_time(nullable=True))


class Replica(Table, table=True):
    """A running dispatcher process: its heartbeat and the digest of the configuration that it uses."""

    __tablename__ = "replica"

    id: str = Field(sa_column=_text(primary_key=True))
    host: str = Field(sa_column=_text())
    pid: int
    release: str = Field(sa_column=_text())
    config_digest: str = Field(sa_column=_text())
    started_at: datetime = Field(sa_column=_now())
    heartbeat_at: datetime = Field(sa_column=_now())


class OpsToken(Table, table=True):
    """A bearer token of the ops API; only its hash is kept."""

    __tablename__ = "ops_token"

    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    name: str = Field(sa_column=_text())
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    """SHA-256 of the token"""
    permissions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=_now())
    expires_at: datetime | None = Field(sa_column=_time(nullable=True))
    revoked_at: datetime | None = Field(sa_column=_time(nullable=True))
    last_used_at: datetime | None = Field(sa_column=_time(nullable=True))


class OpsChange(Table, table=True):
    """A change that ops made: when, by which token, what, to how many lanes."""

    __tablename__ = "ops_change"

    id: int | None = Field(default=None, sa_column=_serial())
    changed_at: datetime = Field(sa_column=_now())
    token_name: str = Field(sa_column=_text())
    action: str = Field(sa_column=_text())
    target: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    lanes: int


class OpsReplay(Table, table=True):
    """A replay of many lanes: which are chosen, and how far it is."""

    __tablename__ = "ops_replay"
    __table_args__ = (Index("ops_replay_unfinished_idx", "id", postgresql_where=text("ended_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=_serial())
    token_name: str = Field(sa_column=_text())
    provider: str = Field(sa_column=_text())
    state: str | None = Field(sa_column=_text(nullable=True))
    reason: str | None = Field(sa_column=_text(nullable=True))
    changed_after: datetime | None = Field(sa_column=_time(nullable=True))
    changed_before: datetime | None = Field(sa_column=_time(nullable=True))
    lanes: int = Field(sa_column=_big())
    """how many were chosen when it began"""
    looked_at: int = Field(sa_column=_big(server_default=text("0")))
    replayed: int = Field(sa_column=_big(server_default=text("0")))
    """how many became due; the others rest for a cause that sending again does not end"""
    after_id: int = Field(sa_column=_big(server_default=text("0")))
    """the last lane that was looked at"""
    until_id: int = Field(sa_column=_big())
    """the newest lane when it began"""
    started_at: datetime = Field(sa_column=_now())
    ended_at: datetime | None = Field(sa_column=_time(nullable=True))
    cancelled_by: str | None = Field(sa_column=_text(nullable=True))
