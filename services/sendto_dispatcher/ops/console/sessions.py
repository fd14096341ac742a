"""Who looks at the console: an ops token in a cookie, and nothing that another site could make a browser send."""

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request, Response

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import Bearer, find_bearer

COOKIE = "sendto_ops"
_KEEP_S = 12 * 3600
_LONGEST_TOKEN = 200


class Sessions:
    """Signs in and out, and lets in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def bearer(self, token: str | None) -> Bearer | None:
        """Whose token it is, if it may look."""
        if not token or len(token) > _LONGEST_TOKEN:
            return None
        async with self._database.connection() as connection:
            bearer = await find_bearer(connection, token)
        return bearer if bearer is not None and bearer.may("ops:read") else None

    async def looks(self, request: Request) -> Bearer:
        """A dependency of pages: the bearer, or a way to the sign-in."""
        bearer = await self.bearer(request.cookies.get(COOKIE))
        if bearer is None:
            where = quote(f"{request.url.path}?{request.url.query}".rstrip("?"), safe="")
            raise HTTPException(HTTPStatus.SEE_OTHER, headers={"Location": f"/sign-in?next={where}"})
        return bearer

    async def acts(self, request: Request) -> Bearer:
        """A dependency of forms: the bearer, who may change things, from a page of ours."""
        bearer = await self.shows(request)
        if not bearer.may("ops:write"):
            raise HTTPException(HTTPStatus.FORBIDDEN, "the token lacks the permission ops:write")
        return bearer

    async def shows(self, request: Request) -> Bearer:
        """A dependency of forms that change nothing."""
        must_be_ours(request)
        return await self.looks(request)

    @staticmethod
    def keep(request: Request, response: Response, token: str) -> None:
        """Keep the token in the browser, out of every script's reach."""
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, max_age=_KEEP_S, httponly=True, samesite="lax", secure=secure)


def must_be_ours(request: Request) -> None:
    """Refuse a form that another site's page has sent: browsers tell where it comes from."""
    fetched_from = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = fetched_from == "same-origin"
    if fetched_from is None:
        ours = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        raise HTTPException(HTTPStatus.FORBIDDEN, "this form was sent from another site")


def safe_next(wanted: str) -> str:
    """Where to go after the sign-in: a page of ours, never another site."""
    return wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) else "/"
