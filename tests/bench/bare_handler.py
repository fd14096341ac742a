"""What an endpoint costs that only stores: JSON in, three inserts in one transaction, JSON out.

The limit that the API's POST of an order with its customer is measured against; run as a process
(`python -m bench.bare_handler DATABASE_URL PORT`).
"""

import sys
from uuid import uuid4

import asyncpg
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TABLES = """
CREATE TABLE IF NOT EXISTS bare_order (order_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, version bigint,
    first_name text, last_name text, email text, order_type text, stored_at timestamptz DEFAULT now());
CREATE TABLE IF NOT EXISTS bare_customer (order_id bigint PRIMARY KEY REFERENCES bare_order, first_name text,
    last_name text, email text, mobile_number text, stored_at timestamptz DEFAULT now());
CREATE TABLE IF NOT EXISTS bare_outbox (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, order_id bigint,
    event_id uuid, version bigint, value bytea, occurred_at timestamptz DEFAULT now());
"""
_ORDER = """
INSERT INTO bare_order (version, first_name, last_name, email, order_type) VALUES (1, $1, $2, $3, $4)
RETURNING order_id, stored_at
"""
_CUSTOMER = (
    "INSERT INTO bare_customer (order_id, first_name, last_name, email, mobile_number) VALUES ($1, $2, $3, $4, $5)"
)
_OUTBOX = "INSERT INTO bare_outbox (order_id, event_id, version, value) VALUES ($1, $2, 1, $3)"


class Handler:
    """One endpoint, one pool."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def post(self, request: Request) -> Response:
        """Store an order, its customer and an event."""
        body = msgspec.json.decode(await request.body())
        customer = body["customer"]
        person = (customer["first_name"], customer["last_name"], customer["email"])
        pool = await self._opened()
        async with pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                _ORDER, body["first_name"], body["last_name"], body["email"], body["order_type"]
            )
            assert row is not None
            await connection.execute(_CUSTOMER, row["order_id"], *person, customer["mobile_number"])
            await connection.execute(_OUTBOX, row["order_id"], uuid4(), msgspec.json.encode(customer))
        answer = msgspec.json.encode(body | {"order_id": row["order_id"], "stored_at": row["stored_at"]})
        return Response(answer, 201, media_type="application/json")

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._pool is None:
            self._pool = await asyncpg.create_pool(self._url, min_size=10, max_size=10)
            await self._pool.execute(_TABLES)
        return self._pool


def main(database_url: str, port: int) -> None:
    """Serve until ended."""
    app = Starlette(routes=[Route("/v3/orders", Handler(database_url).post, methods=["POST"])])
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
