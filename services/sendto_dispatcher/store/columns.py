"""What all tables share: their base, and the kinds of columns that they are made of."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

metadata = MetaData(
    naming_convention={"ix": "%(table_name)s_%(column_0_N_name)s_idx", "pk": "%(table_name)s_pkey"},
)


class Table(SQLModel):
    """Base of all tables of this database."""

    metadata = metadata


def big_column(**options: Any) -> Column[Any]:
    """A whole number of 64 bits."""
    return Column(BigInteger, **({"nullable": False} | options))


def text_column(**options: Any) -> Column[Any]:
    """Text of any length."""
    return Column(Text, **({"nullable": False} | options))


def time_column(**options: Any) -> Column[Any]:
    """A moment."""
    return Column(DateTime(timezone=True), **({"nullable": False} | options))


def now_column(**options: Any) -> Column[Any]:
    """A moment, the transaction's unless said otherwise."""
    return time_column(server_default=text("now()"), **options)


def serial_column() -> Column[Any]:
    """A number that counts up by itself."""
    return Column(BigInteger, Identity(always=True), primary_key=True)


def map_column() -> Column[Any]:
    """A JSON object, empty unless said otherwise."""
    return Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def flag_column(*, default: bool = False) -> Any:  # noqa: ANN401 - stands for the value, as SQLModel's fields do
    """A yes or no."""
    return Field(sa_column_kwargs={"server_default": text(str(default).lower())})
