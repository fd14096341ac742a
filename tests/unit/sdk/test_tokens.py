"""The token cache: one refresh for all who wait, also when it fails or is cancelled."""

import asyncio

import pytest

from sendto.sdk import AnswerLost, Http, HttpRequest, HttpResponse, Token, TokenCache


class _NoHttp:
    async def send(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError(request)


class _Endpoint:
    """Hands out numbered tokens once `open` is set; can fail."""

    def __init__(self) -> None:
        self.asked = 0
        self.open = asyncio.Event()
        self.failure: Exception | None = None
        self.now_s = 0.0

    async def __call__(self, http: Http) -> Token:
        assert isinstance(http, _NoHttp)
        self.asked += 1
        await self.open.wait()
        if self.failure:
            raise self.failure
        return Token(f"token-{self.asked}", lifetime_s=100.0)


@pytest.fixture
def endpoint() -> _Endpoint:
    return _Endpoint()


@pytest.fixture
def cache(endpoint: _Endpoint) -> TokenCache:
    return TokenCache(endpoint, margin_s=10.0, monotonic_s=lambda: endpoint.now_s)


async def _fifty(cache: TokenCache) -> list[asyncio.Task[str]]:
    calls = [asyncio.create_task(cache.get(_NoHttp())) for _ in range(50)]
    await asyncio.sleep(0)
    return calls


async def test_one_refresh_serves_all_who_wait(endpoint: _Endpoint, cache: TokenCache) -> None:
    calls = await _fifty(cache)
    endpoint.open.set()

    assert set(await asyncio.gather(*calls)) == {"token-1"}
    assert endpoint.asked == 1


async def test_a_token_is_used_until_shortly_before_its_end(endpoint: _Endpoint, cache: TokenCache) -> None:
    endpoint.open.set()
    assert await cache.get(_NoHttp()) == "token-1"
    endpoint.now_s = 89.0
    assert await cache.get(_NoHttp()) == "token-1"
    endpoint.now_s = 90.0
    assert await cache.get(_NoHttp()) == "token-2"


async def test_a_failed_refresh_fails_all_who_waited_and_no_more(endpoint: _Endpoint, cache: TokenCache) -> None:
    endpoint.failure = AnswerLost("timeout", timed_out=True)
    calls = await _fifty(cache)
    endpoint.open.set()

    assert {type(result) for result in await asyncio.gather(*calls, return_exceptions=True)} == {AnswerLost}
    assert endpoint.asked == 1
    endpoint.failure = None
    assert await cache.get(_NoHttp()) == "token-2"


async def test_when_the_one_that_asks_is_cancelled_the_next_asks(endpoint: _Endpoint, cache: TokenCache) -> None:
    first, *others = await _fifty(cache)
    first.cancel()
    endpoint.open.set()

    assert set(await asyncio.gather(*others)) == {"token-2"}
    assert first.cancelled()
    assert endpoint.asked == 2


async def test_a_refused_token_is_replaced_once(endpoint: _Endpoint, cache: TokenCache) -> None:
    endpoint.open.set()
    old = await cache.get(_NoHttp())
    for _ in range(50):
        cache.drop(old)

    assert set(await asyncio.gather(*await _fifty(cache))) == {"token-2"}
    cache.drop(old)
    assert await cache.get(_NoHttp()) == "token-2"


def test_a_token_does_not_show_itself() -> None:
    assert "hidden" not in repr(Token("hidden", 1.0))
