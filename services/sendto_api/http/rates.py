"""Rate limits: so many requests of one token in a window of time, counted by each process for itself.

The answer says how much is left in the headers of the IETF's draft (`RateLimit`, `RateLimit-Policy`).
"""

import math
from http import HTTPStatus
from uuid import UUID

from starlette.requests import Request

from sendto.kernel.clock import Clock
from sendto_api.http.middleware import answer_headers
from sendto_api.http.problems import Problem

_UNITS_S = {"s": 1, "min": 60, "h": 3600}
_MOST_TOKENS = 10_000


class RateLimiter:
    """Counts the requests of each token in windows that begin with its first request.

    Args:
        rate: `60/min` and the like; None counts nothing.
        clock: whose monotonic time it goes by.
    """

    def __init__(self, rate: str | None, clock: Clock) -> None:
        self._clock = clock
        self._requests, self._window_s = 0, 0
        if rate is not None:
            requests, unit = rate.split("/")
            self._requests, self._window_s = int(requests), _UNITS_S[unit]
        self._windows: dict[UUID, tuple[float, int]] = {}
        """by token: when its window ends, and how many requests are left in it"""

    def take(self, request: Request, token_id: UUID) -> None:
        """Count a request.

        Raises:
            Problem: 429, there were too many.
        """
        if not self._requests:
            return
        now_s = self._clock.monotonic_s()
        ends_s, left = self._windows.get(token_id, (0.0, 0))
        if ends_s <= now_s:
            self._forget_ended(now_s)
            ends_s, left = now_s + self._window_s, self._requests
        self._windows[token_id] = (ends_s, max(0, left - 1))
        wait_s = math.ceil(ends_s - now_s)
        answer_headers(request).update(
            {
                "RateLimit-Policy": f'"token";q={self._requests};w={self._window_s}',
                "RateLimit": f'"token";r={max(0, left - 1)};t={wait_s}',
            }
        )
        if not left:
            detail = f"This token may make {self._requests} requests in {self._window_s} s."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(wait_s)})

    def _forget_ended(self, now_s: float) -> None:
        if len(self._windows) >= _MOST_TOKENS:
            self._windows = {token: window for token, window in self._windows.items() if window[0] > now_s}
