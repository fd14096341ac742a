"""What every route starts with: the path's id, the caller's permission, the body."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from sendto.runtime.database import Database
from sendto_api.http.bodies import parse_object, prefers_strict, read_bytes, validate
from sendto_api.http.fields import ID_MAX
from sendto_api.http.middleware import answer_headers
from sendto_api.http.problems import Problem
from sendto_api.http.rates import RateLimiter
from sendto_api.http.writes import Write, Writer
from sendto_api.orders.totals import Totals
from sendto_api.outbox.events import EventSettings
from sendto_api.settings import ApiSection
from sendto_api.tokens.auth import Authenticator, Caller

Model = TypeVar("Model", bound=BaseModel)
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def order_id_of(request: Request) -> int:
    """The order's id in the path: decimal digits without sign or leading zero.

    Raises:
        Problem: 404, it is none.
    """
    text = request.path_params["order_id"]
    if not _ID.fullmatch(text) or int(text) > ID_MAX:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no order with this id.", code="order_not_found")
    return int(text)


@dataclass(frozen=True, slots=True)
class WriteCall:
    """An allowed write with its body."""

    request: Request
    caller: Caller
    body: bytes
    writer: Writer

    def model(self, model: type[Model]) -> Model:
        """The body as a model; raises 400, 415 or 422 problems."""
        strict = prefers_strict(self.request)
        if strict:
            answer_headers(self.request)["Preference-Applied"] = "handling=strict"
        return validate(model, parse_object(self.request, self.body), strict=strict)

    async def run(self, write: Write, *, locks: bool = True) -> Response:
        """Carry the write out in one transaction; `locks`: what it changes was there before."""
        return await self.writer.run(self.request, self.caller, self.body, write, locks=locks)


@dataclass(frozen=True, slots=True)
class Site:
    """What the routes share."""

    settings: ApiSection
    database: Database
    authenticator: Authenticator
    limiter: RateLimiter
    writer: Writer
    totals: Totals

    @property
    def event_settings(self) -> EventSettings:
        """What events need to know of the site."""
        return EventSettings(time_zone=self.settings.time_zone, default_region=self.settings.default_region)

    async def allow(self, request: Request, permission: str) -> Caller:
        """The caller, who has this permission and some of its rate left; raises 401, 403 or 429 problems."""
        caller = await self.authenticator.caller(request)
        self.limiter.take(request, caller.token_id)
        caller.require(permission)
        return caller

    async def write(self, request: Request, permission: str) -> WriteCall:
        """An allowed write with its body; raises 401, 403 or 413 problems."""
        caller = await self.allow(request, permission)
        body = await read_bytes(request, self.settings.max_body_bytes)
        return WriteCall(request, caller, body, self.writer)
