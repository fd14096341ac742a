"""Who calls the dispatcher over HTTP, and whether they may."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import HTTPException, Request

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import Bearer, find_bearer


def requires(database: Database, permission: str) -> Callable[[Request], Awaitable[Bearer]]:
    """A dependency of routes: the caller, who has this permission, or a 401 or 403."""

    async def require(request: Request) -> Bearer:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = None
        if scheme.lower() == "bearer" and token:
            async with database.connection() as connection:
                bearer = await find_bearer(connection, token.strip())
        if bearer is None:
            raise HTTPException(
                HTTPStatus.UNAUTHORIZED, "a valid ops token is needed", {"WWW-Authenticate": 'Bearer realm="ops"'}
            )
        if not bearer.may(permission):
            raise HTTPException(HTTPStatus.FORBIDDEN, f"the token lacks the permission {permission}")
        return bearer

    return require
