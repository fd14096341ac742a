"""What the provider's answers do: retried, given up, revived, held back, found out."""

from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.secret_settings import source_of
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

Lane = dict[str, Any]


async def _lane(rows: Rows, condition: str) -> Lane:
    async def found() -> list[Lane]:
        return await rows(f"SELECT * FROM lane WHERE {condition}")

    return (await eventually(found))[0]


async def _is_told(ops: Caller, words: str) -> bool:
    """Whether the story of order 7 says so; a probe that is under way says something else for a moment."""
    return words in (await ops("GET", "/ops/orders/7")).json["verdict"][0]


@pytest.mark.usefixtures("dispatcher")
@pytest.mark.parametrize("status", [500, 503, 408])
async def test_a_passing_failure_is_tried_again(
    upstream: Upstream, provider: Provider, rows: Rows, status: int
) -> None:
    await provider.behave(errors={status: 1.0})
    await upstream.put(7, 1)
    await _lane(rows, "attempts >= 2")

    await provider.behave()

    await provider.holds(7, version=1)
    lane = await _lane(rows, "due_at IS NULL")
    assert (lane["attempts"], lane["reason"], lane["in_doubt"]) == (0, None, False)
    outcomes = {row["outcome"] for row in await rows("SELECT DISTINCT outcome FROM attempt")}
    assert outcomes & {"transient", "ambiguous"}
    assert "applied" in outcomes


@pytest.mark.usefixtures("dispatcher")
async def test_a_refusal_is_final_until_newer_state_comes(
    upstream: Upstream, provider: Provider, rows: Rows, dispatcher: Caller
) -> None:
    await provider.behave(errors={422: 1.0}, references=["7"])
    await upstream.put(7, 1)
    dead = await _lane(rows, "resting = 'dead'")
    assert (dead["reason"], dead["due_at"]) == ("http_422", None)
    story = (await dispatcher("GET", "/ops/orders/7")).json
    assert story["verdict"][0].startswith("sandbox refused the customer (version 1): ")
    assert "http_422" in story["verdict"][0]
    assert [attempt["outcome"] for attempt in story["attempts"]] == ["rejected"]
    await upstream.put(8, 1)
    await provider.holds(8)

    await provider.behave()
    await upstream.put(7, 2)

    await provider.holds(7, version=2)
    assert len(await provider.log(7)) == 2


async def test_what_fails_for_too_long_is_given_up(
    upstream: Upstream, provider: Provider, rows: Rows, settings: Settings
) -> None:
    settings["providers"]["sandbox"]["retry"] |= {"give_up_after_s": 0.3}
    await provider.behave(errors={500: 1.0}, references=["7"])
    async with dispatching(settings):
        await upstream.put(7, 1)
        dead = await _lane(rows, "resting = 'dead'")

    assert dead["attempts"] >= 2


@pytest.mark.usefixtures("dispatcher")
async def test_a_lost_answer_doubles_nothing(upstream: Upstream, provider: Provider, rows: Rows) -> None:
    await provider.behave(lose_answer=1.0)
    await upstream.put(7, 1)
    lane = await _lane(rows, "attempts >= 1")
    assert lane["in_doubt"]

    await provider.behave()

    await _lane(rows, "due_at IS NULL")
    await provider.holds(7, version=1)
    assert await provider.count() == 1


async def test_a_lost_answer_is_found_out_before_a_create_is_sent_again(
    upstream: Upstream, provider: Provider, rows: Rows, settings: Settings
) -> None:
    settings["providers"]["sandbox"]["config"]["mode"] = "lookup"
    await provider.behave(lose_answer=1.0, accept_duplicates=True)
    async with dispatching(settings):
        await upstream.put(7, 1)
        await _lane(rows, "attempts >= 1")
        await provider.behave(accept_duplicates=True)
        await _lane(rows, "due_at IS NULL AND applied_version = 1")

    posts = [entry for entry in await provider.log(7) if entry["method"] == "POST"]
    assert len(posts) == 1
    assert await provider.count() == 1


@pytest.mark.usefixtures("dispatcher")
async def test_a_request_that_is_refused_while_the_credentials_work_is_the_lane_s_own_fault(
    upstream: Upstream, rows: Rows, provider: Provider
) -> None:
    await provider.behave(errors={401: 1.0})
    await upstream.put(7, 1)

    dead = await _lane(rows, "resting = 'dead'")

    assert dead["reason"] == "http_401"
    assert not await rows("SELECT 1 FROM provider_state WHERE held_at IS NOT NULL")


async def test_a_wrong_token_holds_the_provider_and_kills_no_lane(
    upstream: Upstream, rows: Rows, settings: Settings, tmp_path: Any, ops_token: str
) -> None:
    from infra.sandbox import sandbox

    async with sandbox(tmp_path / "strict", token="right") as strict:
        settings["providers"]["sandbox"]["config"] = {"url": strict.url, "token": source_of("wrong")}
        async with dispatching(settings, ops_token) as ops:
            await upstream.put(7, 1)

            async def held() -> list[dict[str, Any]]:
                return await rows("SELECT hold_reason FROM provider_state WHERE held_at IS NOT NULL")

            assert await eventually(held) == [{"hold_reason": "unauthorized"}]
            assert await eventually(lambda: _is_told(ops, "held since"))

        settings["providers"]["sandbox"]["config"]["token"] = source_of("right")
        async with dispatching(settings):
            await strict.holds(7, version=1)
    assert not await rows("SELECT 1 FROM provider_state WHERE held_at IS NOT NULL")


async def test_a_rate_limit_holds_for_all_and_spends_no_attempt(
    upstream: Upstream, provider: Provider, rows: Rows, settings: Settings
) -> None:
    settings["providers"]["sandbox"]["limits"] = {"rate": "20/s", "burst": 5}
    async with dispatching(settings):
        for order_id in range(1, 31):
            await upstream.put(order_id, 1)
        for order_id in range(1, 31):
            await provider.holds(order_id)

    times = [entry["at"] for entry in await provider.log()]
    assert len(times) == 30
    # Thirty requests at twenty a second, of which five may go at once, are sent within 1.25 s at the soonest; on a busy
    # machine the first ones arrive late.
    assert max(times) - min(times) >= (30 - 5) / 20 - 0.5
    assert await rows("SELECT 1 FROM attempt WHERE outcome <> 'applied'") == []


@pytest.mark.usefixtures("dispatcher")
async def test_a_provider_that_says_slow_down_is_waited_for(upstream: Upstream, provider: Provider, rows: Rows) -> None:
    await provider.behave(rate_limit={"requests": 5, "window_s": 1, "burst": 1})
    for order_id in range(1, 6):
        await upstream.put(order_id, 1)

    for order_id in range(1, 6):
        await provider.holds(order_id)

    assert await rows("SELECT 1 FROM lane WHERE attempts > 0 OR resting IS NOT NULL") == []
    outcomes = {row["outcome"] for row in await rows("SELECT outcome FROM attempt")}
    assert outcomes == {"applied", "rate_limited"}


async def test_a_hanging_provider_is_left_at_the_deadline_and_others_go_on(
    upstream: Upstream, provider: Provider, rows: Rows, settings: Settings
) -> None:
    settings["providers"]["sandbox"]["limits"] = {"timeout_s": 1.0, "concurrency": 4}
    await provider.behave(hang=1.0, references=["7"])
    async with dispatching(settings):
        await upstream.put(7, 1)
        hanging = await _lane(rows, "hanging")
        assert hanging["reason"] == "timeout"
        for order_id in range(10, 20):
            await upstream.put(order_id, 1)
        for order_id in range(10, 20):
            await provider.holds(order_id)
        await provider.behave()
        await provider.holds(7)


async def test_a_stop_leaves_nothing_half_done(
    upstream: Upstream, provider: Provider, rows: Rows, settings: Settings
) -> None:
    await provider.behave(latency_s=0.2)
    settings["providers"]["sandbox"]["limits"] = {"concurrency": 2}
    async with dispatching(settings):
        for order_id in range(1, 21):
            await upstream.put(order_id, 1)
        await provider.holds(1)

    assert await rows("SELECT 1 FROM lane WHERE lease_token IS NOT NULL OR in_doubt") == []
    sent = {entry["reference"] for entry in await provider.log()}
    known = {row["reference"] for row in await rows("SELECT reference FROM lane WHERE applied_present")}
    assert sent == known
    assert len(known) < 20
