"""The doors of the ops API: one for who looks, one for who acts, one for who may see personal data."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from sendto.runtime.database import Database
from sendto_dispatcher.ops.bearers import requires
from sendto_dispatcher.store.tokens import Bearer

Door = Callable[[Request], Awaitable[Bearer]]


class Doors:
    """Dependencies of the routes: each lets a token in that has the permission."""

    def __init__(self, database: Database) -> None:
        self.reads: Door = requires(database, "ops:read")
        self.writes: Door = requires(database, "ops:write")
        self.shows: Door = requires(database, "personal:read")
