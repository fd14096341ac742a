"""The API's tables. They define the schema; writes use SQL of their own in the store modules."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    },
)

ORDER_IDS = Sequence("order_id_seq", metadata=metadata)
"""order ids are never given out twice, not even after a delete"""


_SORTED = ("order_date_time", "date_added", "date_modified", "order_total", "last_name")
_COVERED = ("customer_id", "location_id", "status_id", "assignee_id", "order_type", *_SORTED)


class Table(SQLModel):
    """Base of all tables of this database."""

    metadata = metadata


def _big(*arguments: Any, **options: Any) -> Column[Any]:
    return Column(BigInteger, *arguments, **({"nullable": False} | options))


def _maybe_big() -> Column[Any]:
    return Column(BigInteger)


def _text(**options: Any) -> Column[Any]:
    return Column(Text, **({"nullable": False} | options))


def _maybe_text() -> Column[Any]:
    return Column(Text)


def _time(**options: Any) -> Column[Any]:
    return Column(DateTime(timezone=True), **({"nullable": False} | options))


def _maybe_time() -> Column[Any]:
    return Column(DateTime(timezone=True))


def _serial() -> Column[Any]:
    return Column(BigInteger, Identity(always=True), primary_key=True)


def _of_order(**options: Any) -> Column[Any]:
    return _big(ForeignKey("order.order_id", ondelete="CASCADE"), **options)


class Order(Table, table=True):
    """An order, with the buyer's snapshot. `version` rises with every write of the order or its customer."""

    __tablename__ = "order"
    __table_args__ = (
        *(Index(f"order_{name}_idx", name, "order_id") for name in _SORTED),
        # With the column itself in it, PostgreSQL counts by this index alone.
        Index(
            "order_status_covering_idx", text("coalesce(status_id, 0)"), "order_id", postgresql_include=["status_id"]
        ),
        Index("order_customer_id_idx", "customer_id", "order_id", postgresql_where=text("customer_id IS NOT NULL")),
        # Some thousand orders have the same; with what else lists filter and sort by, none of them has to be looked at.
        *(
            Index(
                f"order_{name}_covering_idx",
                *(name, "order_id"),
                postgresql_include=[column for column in _COVERED if column != name],
                postgresql_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("location_id", "assignee_id")
        ),
        Index("order_type_idx", "order_type", "order_id"),
    )

    order_id: int = Field(sa_column=_big(primary_key=True, autoincrement=False))
    version: int = Field(sa_column=_big())
    customer_id: int | None = Field(sa_column=_maybe_big())
    location_id: int | None = Field(sa_column=_maybe_big())
    first_name: str = Field(sa_column=_text())
    last_name: str = Field(sa_column=_text())
    email: str = Field(sa_column=_text())
    telephone: str | None = Field(sa_column=_maybe_text())
    comment: str = Field(sa_column=_text())
    notify: bool | None
    order_type: str = Field(sa_column=_text())
    order_date_time: datetime = Field(sa_column=_time())
    processed: bool
    total_items: int
    order_total: Decimal = Field(sa_column=Column(Numeric(19, 4), nullable=False))
    currency: str = Field(sa_column=_text())
    payment: str | None = Field(sa_column=_maybe_text())
    shipment_provider: str | None = Field(sa_column=_maybe_text())
    invoice_prefix: str | None = Field(sa_column=_maybe_text())
    invoice_date: datetime | None = Field(sa_column=_maybe_time())
    status_id: int | None = Field(sa_column=_maybe_big())
    status_updated_at: datetime | None = Field(sa_column=_maybe_time())
    assignee_id: int | None = Field(sa_column=_maybe_big())
    assignee_group_id: int | None = Field(sa_column=_maybe_big())
    assignee_updated_at: datetime | None = Field(sa_column=_maybe_time())
    hash: str = Field(sa_column=_text())
    ip_address: str | None = Field(sa_column=_maybe_text())
    user_agent: str | None = Field(sa_column=_maybe_text())
    date_added: datetime = Field(sa_column=_time())
    date_modified: datetime = Field(sa_column=_time())


class OrderSearch(Table, table=True):
    """What an order is found by: the parts of its texts. A trigger keeps it, whoever writes the order."""

    __tablename__ = "order_search"
    __table_args__ = (
        Index(
            "order_search_parts_idx",
            "parts",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 512},
        ),
    )

    order_id: int = Field(sa_column=_of_order(primary_key=True, autoincrement=False))
    parts: str = Field(sa_column=Column(TSVECTOR, nullable=False))
    """all three letters that follow each other in a name, the email or the telephone, in small letters"""


class OrderAddress(Table, table=True):
    """Where an order goes."""

    __tablename__ = "order_address"

    order_id: int = Field(sa_column=_of_order(primary_key=True, autoincrement=False))
    address_id: int | None = Field(default=None, sa_column=_big(Identity(always=True), unique=True))
    address_1: str | None = Field(sa_column=_maybe_text())
    address_2: str | None = Field(sa_column=_maybe_text())
    city: str | None = Field(sa_column=_maybe_text())
    state: str | None = Field(sa_column=_maybe_text())
    postcode: str | None = Field(sa_column=_maybe_text())
    country: str | None = Field(sa_column=_maybe_text())


class OrderTotal(Table, table=True):
    """A line of an order's totals."""

    __tablename__ = "order_total"

    order_total_id: int | None = Field(default=None, sa_column=_serial())
    order_id: int = Field(sa_column=_of_order(index=True))
    code: str = Field(sa_column=_text())
    title: str = Field(sa_column=_text())
    value: Decimal = Field(sa_column=Column(Numeric(19, 4), nullable=False))
    priority: int


class OrderStatusHistory(Table, table=True):
    """A status that an order has had."""

    __tablename__ = "order_status_history"

    id: int | None = Field(default=None, sa_column=_serial())
    order_id: int = Field(sa_column=_of_order(index=True))
    status_id: int = Field(sa_column=_big())
    comment: str | None = Field(sa_column=_maybe_text())
    notify: bool | None
    assignee_id: int | None = Field(sa_column=_maybe_big())
    date_added: datetime = Field(sa_column=_time())


class Customer(Table, table=True):
    """The one customer of an order."""

    __tablename__ = "customer"
    __table_args__ = (Index("customer_email_idx", text("lower(email)"), "order_id"),)

    order_id: int = Field(sa_column=_of_order(primary_key=True, autoincrement=False))
    first_name: str = Field(sa_column=_text())
    last_name: str = Field(sa_column=_text())
    email: str = Field(sa_column=_text())
    phone_number: str | None = Field(sa_column=_maybe_text())
    mobile_number: str | None = Field(sa_column=_maybe_text())
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class OutboxEvent(Table, table=True):
    """An event that was stored with the change that it tells of; the relay publishes it."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_unpublished_idx", "id", postgresql_where=text("published_at IS NULL")),
        Index("outbox_published_at_idx", "published_at", postgresql_using="brin"),
    )

    id: int | None = Field(default=None, sa_column=_serial())
    order_id: int = Field(sa_column=_big())
    event_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    type: str = Field(sa_column=_text())
    version: int = Field(sa_column=_big())
    occurred_at: datetime = Field(sa_column=_time())
    value: str = Field(sa_column=_text())
    """the event's data, as JSON"""
    traceparent: str | None = Field(sa_column=_maybe_text())
    published_at: datetime | None = Field(sa_column=_maybe_time())


class Republication(Table, table=True):
    """A publication of every order's current state, and how far it has come; at most one is unfinished."""

    __tablename__ = "republication"
    __table_args__ = (
        Index(
            "republication_unfinished_idx",
            text("(finished_at IS NULL)"),
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=_serial())
    started_at: datetime = Field(sa_column=_time(server_default=text("now()")))
    finished_at: datetime | None = Field(sa_column=_maybe_time())
    after_order_id: int = Field(sa_column=_big(server_default=text("0")))
    """the orders up to this one are done"""
    orders: int = Field(sa_column=_big(server_default=text("0")))


class Erasure(Table, table=True):
    """A person that was forgotten: in which orders. One that is not finished is gone on with by the next one."""

    __tablename__ = "erasure"
    __table_args__ = (Index("erasure_unfinished_idx", "id", postgresql_where=text("finished_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=_serial())
    token_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), nullable=False))
    """who asked for it"""
    begun_at: datetime = Field(sa_column=_time(server_default=text("now()")))
    finished_at: datetime | None = Field(sa_column=_maybe_time())
    """when all other places were done, too"""
    order_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    versions: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    """the version that each order has since; what tells of an older one goes"""
    customers: int = Field(sa_column=_big(server_default=text("0")))
    events: int = Field(sa_column=_big(server_default=text("0")))
    answers: int = Field(sa_column=_big(server_default=text("0")))


class ApiToken(Table, table=True):
    """A bearer token of the API; only its hash is kept."""

    __tablename__ = "api_token"

    id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    name: str = Field(sa_column=_text())
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    """SHA-256 of the token"""
    permissions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=_time(server_default=text("now()")))
    expires_at: datetime | None = Field(sa_column=_maybe_time())
    revoked_at: datetime | None = Field(sa_column=_maybe_time())
    last_used_at: datetime | None = Field(sa_column=_maybe_time())


class IdempotencyKey(Table, table=True):
    """The stored answer to a request that may be repeated."""

    __tablename__ = "idempotency_key"

    token_id: UUID = Field(sa_column=Column(PG_UUID(as_uuid=True), primary_key=True))
    method: str = Field(sa_column=_text(primary_key=True))
    path: str = Field(sa_column=_text(primary_key=True))
    key: str = Field(sa_column=_text(primary_key=True))
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    location: str | None = Field(sa_column=_maybe_text())
    etag: str | None = Field(sa_column=_maybe_text())
    created_at: datetime = Field(sa_column=_time(server_default=text("now()"), index=True))
