"""A cache for access tokens that providers hand out for a time; it lives on the adapter's instance."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sendto.sdk.http import Http

DEFAULT_MARGIN_S = 30.0
"""a token is not used in the last seconds of its life"""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and how long it is good for, from when it was asked for."""

    value: str = field(repr=False)
    lifetime_s: float


class TokenCache:
    """Hands out one token to all calls, and gets the next one once for all that wait for it.

    Whoever needs a new token gets it with the client of its own call, so that its deadline holds and its requests are
    counted. If that fails, all that waited fail in the same way: a token endpoint that is down is asked once, not once
    by each. If the one that asks is cancelled, the next one asks.

    Args:
        refresh: gets a new token; raises what `Http.send` raises, or `LookupFailed`.
        margin_s: how long before its end a token is no longer used.
        monotonic_s: the clock.
    """

    def __init__(
        self,
        refresh: Callable[[Http], Awaitable[Token]],
        *,
        margin_s: float = DEFAULT_MARGIN_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._refresh = refresh
        self._margin_s = margin_s
        self._monotonic_s = monotonic_s
        self._token: str | None = None
        self._until_s = 0.0
        self._asking = asyncio.Lock()
        self._asked = 0
        self._failure: Exception | None = None

    async def get(self, http: Http) -> str:
        """A token that is good now."""
        token = self._good()
        if token is not None:
            return token
        seen = self._asked
        async with self._asking:
            if self._asked > seen and self._failure is not None:
                raise self._failure
            return self._good() or await self._ask(http)

    def drop(self, token: str) -> None:
        """The provider refused this token: forget it, unless there is a newer one already."""
        if self._token == token:
            self._token = None

    def _good(self) -> str | None:
        return self._token if self._monotonic_s() < self._until_s else None

    async def _ask(self, http: Http) -> str:
        started_s = self._monotonic_s()
        try:
            token = await self._refresh(http)
        except Exception as failure:
            self._asked, self._failure = self._asked + 1, failure
            raise
        self._asked, self._failure = self._asked + 1, None
        self._token = token.value
        self._until_s = started_s + max(token.lifetime_s - self._margin_s, token.lifetime_s / 2)
        return token.value
