"""Rate limits, by a steered clock."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from fastapi import Request

from sendto.kernel.clock import SteeredClock
from sendto_api.http.middleware import answer_headers
from sendto_api.http.problems import Problem
from sendto_api.http.rates import RateLimiter

TOKEN = uuid4()


def _request() -> Request:
    return Request({"type": "http", "headers": []})


def _taken(limiter: RateLimiter, token: UUID = TOKEN) -> dict[str, str]:
    request = _request()
    limiter.take(request, token)
    return answer_headers(request)


def test_without_a_limit_nothing_is_said() -> None:
    limiter = RateLimiter(None, SteeredClock(datetime.now(UTC)))

    assert [_taken(limiter) for _ in range(3)] == [{}, {}, {}]


@pytest.mark.parametrize(("rate", "window_s"), [("2/s", 1), ("2/min", 60), ("2/h", 3600)])
def test_a_token_may_use_its_limit_once_in_each_window(rate: str, window_s: int) -> None:
    clock = SteeredClock(datetime.now(UTC))
    limiter = RateLimiter(rate, clock)

    first, second = _taken(limiter), _taken(limiter)
    clock.advance(0.25)
    request = _request()
    with pytest.raises(Problem) as refused:
        limiter.take(request, TOKEN)
    other = _taken(limiter, uuid4())
    clock.advance(window_s)
    again = _taken(limiter)

    assert first == {"RateLimit-Policy": f'"token";q=2;w={window_s}', "RateLimit": f'"token";r=1;t={window_s}'}
    assert second["RateLimit"] == f'"token";r=0;t={window_s}'
    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": str(window_s)}
    assert answer_headers(request)["RateLimit"] == f'"token";r=0;t={window_s}'
    assert other["RateLimit"] == again["RateLimit"] == first["RateLimit"]


def test_what_is_known_of_ended_windows_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendto_api.http.rates._MOST_TOKENS", 3)
    clock = SteeredClock(datetime.now(UTC))
    limiter = RateLimiter("1/s", clock)
    for _ in range(3):
        _taken(limiter, uuid4())
    clock.advance(2)

    _taken(limiter)

    assert len(limiter._windows) == 1  # noqa: SLF001 - that it stays small cannot be seen from outside
