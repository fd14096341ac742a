"""The tables of what ops do and see: their tokens, what they changed, replayed and rerouted, the lanes in numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from sendto_dispatcher.store.columns import (
    Table,
    big_column,
    map_column,
    metadata,
    now_column,
    serial_column,
    text_column,
    time_column,
)

__all__ = ["LaneCensus", "OpsChange", "OpsErasure", "OpsReplay", "OpsReroute", "OpsToken", "metadata"]


class OpsToken(Table, table=True):
    """A bearer token of the ops API; only its hash is kept."""

    __tablename__ = "ops_token"

    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    name: str = Field(sa_column=text_column())
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    """SHA-256 of the token"""
    permissions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=now_column())
    expires_at: datetime | None = Field(sa_column=time_column(nullable=True))
    revoked_at: datetime | None = Field(sa_column=time_column(nullable=True))
    last_used_at: datetime | None = Field(sa_column=time_column(nullable=True))


class OpsChange(Table, table=True):
    """A change that ops made: when, by which token, what, to how many lanes."""

    __tablename__ = "ops_change"

    id: int | None = Field(default=None, sa_column=serial_column())
    changed_at: datetime = Field(sa_column=now_column())
    token_name: str = Field(sa_column=text_column())
    action: str = Field(sa_column=text_column())
    target: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    lanes: int


class OpsReplay(Table, table=True):
    """A replay of many lanes: which are chosen, and how far it is."""

    __tablename__ = "ops_replay"
    __table_args__ = (Index("ops_replay_unfinished_idx", "id", postgresql_where=text("ended_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=serial_column())
    token_name: str = Field(sa_column=text_column())
    provider: str = Field(sa_column=text_column())
    state: str | None = Field(sa_column=text_column(nullable=True))
    reason: str | None = Field(sa_column=text_column(nullable=True))
    changed_after: datetime | None = Field(sa_column=time_column(nullable=True))
    changed_before: datetime | None = Field(sa_column=time_column(nullable=True))
    lanes: int = Field(sa_column=big_column())
    """how many were chosen when it began"""
    looked_at: int = Field(sa_column=big_column(server_default=text("0")))
    replayed: int = Field(sa_column=big_column(server_default=text("0")))
    """how many became due; the others rest for a cause that sending again does not end"""
    after_id: int = Field(sa_column=big_column(server_default=text("0")))
    """the last lane that was looked at"""
    until_id: int = Field(sa_column=big_column())
    """the newest lane when it began"""
    started_at: datetime = Field(sa_column=now_column())
    ended_at: datetime | None = Field(sa_column=time_column(nullable=True))
    cancelled_by: str | None = Field(sa_column=text_column(nullable=True))


class OpsReroute(Table, table=True):
    """An application of the routes to all known orders, and how far it is."""

    __tablename__ = "ops_reroute"
    __table_args__ = (
        Index("ops_reroute_unfinished_idx", "digest", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: int | None = Field(default=None, sa_column=serial_column())
    token_name: str = Field(sa_column=text_column())
    digest: str = Field(sa_column=text_column())
    """of the configuration whose routes are applied"""
    orders: int = Field(sa_column=big_column())
    """how many would move when it began"""
    known: int = Field(sa_column=big_column())
    """how many were known when it began"""
    looked_at: int = Field(sa_column=big_column(server_default=text("0")))
    routed: int = Field(sa_column=big_column(server_default=text("0")))
    lanes: int = Field(sa_column=big_column(server_default=text("0")))
    after_order_id: int = Field(sa_column=big_column(server_default=text("0")))
    """the last order that was looked at, with its source"""
    after_source: str = Field(sa_column=text_column(server_default=text("''")))
    started_at: datetime = Field(sa_column=now_column())
    ended_at: datetime | None = Field(sa_column=time_column(nullable=True))
    cancelled_by: str | None = Field(sa_column=text_column(nullable=True))
    stopped: str | None = Field(sa_column=text_column(nullable=True))
    """why it was ended by us"""


class OpsErasure(Table, table=True):
    """A person that is forgotten: in which orders, and how far it is. Nothing in it tells of the person."""

    __tablename__ = "ops_erasure"
    __table_args__ = (Index("ops_erasure_unfinished_idx", "id", postgresql_where=text("ended_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=serial_column())
    token_name: str = Field(sa_column=text_column())
    mark: bytes | None = Field(sa_column=Column(LargeBinary))
    """tells whether a repeated request means the same person; null once it has ended"""
    order_ids: list[int] = Field(
        sa_column=Column(ARRAY(BigInteger), nullable=False, server_default=text("'{}'::bigint[]"))
    )
    sources: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")))
    """of each order, in the order of the orders"""
    ends: dict[str, int] | None = Field(sa_column=Column(JSONB))
    """the topic's end when it began, by partition: what is below must be taken first; null while Kafka was away"""
    states: int = Field(sa_column=big_column(server_default=text("0")))
    lanes: int = Field(sa_column=big_column(server_default=text("0")))
    kept_bodies: int = Field(sa_column=big_column(server_default=text("0")))
    rejected: int = Field(sa_column=big_column(server_default=text("0")))
    began_at: datetime = Field(sa_column=now_column())
    ended_at: datetime | None = Field(sa_column=time_column(nullable=True))


class LaneCensus(Table, table=True):
    """The lanes in numbers: those counted last, and how far the count that is under way has come. One row."""

    __tablename__ = "lane_census"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    counts: dict[str, Any] = Field(sa_column=map_column())
    """of the last whole count: by provider and state"""
    counted_at: datetime | None = Field(sa_column=time_column(nullable=True))
    """when it began"""
    part: dict[str, Any] = Field(sa_column=map_column())
    """of the count that is under way"""
    began_at: datetime | None = Field(sa_column=time_column(nullable=True))
    after_id: int = Field(sa_column=big_column(server_default=text("0")))
    """the last lane that was counted"""
    next_at: datetime = Field(sa_column=now_column())
    """when the next step may be taken"""
    oldest: dict[str, Any] = Field(sa_column=map_column())
    """by provider: since when its oldest change waits, and its oldest due lane is due, in seconds since 1970"""
    oldest_next_at: datetime = Field(sa_column=now_column())
    """when they may be looked for again"""
