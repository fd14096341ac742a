"""A person is forgotten by the ops API: here, at the providers, and in what was under way; a crash loses nothing."""

from typing import Any

import pytest
from infra.events import SOURCE, Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from infra.topics import read_all
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.database import Database
from sendto_dispatcher.ops.erasure import Erasing
from sendto_dispatcher.store.tokens import create_token

CANARY = "Canarybird"
EMAIL = "canarybird@nest.test"
PERSON = {"first_name": CANARY, "last_name": CANARY, "email": EMAIL, "phone_number": "+442079460958"}
MARKS = (CANARY, EMAIL, "442079460958")
ORDER = {"order_type": "delivery", "comment": CANARY, "address": {"address_1": CANARY, "country": "GB"}}
WHOM = {"email": EMAIL.upper(), "orders": [{"order_id": 7, "source": SOURCE}]}


async def _remains(rows: Rows) -> list[str]:
    found = []
    for row in await rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        table = row["tablename"]
        for mark in MARKS:
            sought = [f"%{word}%" for one in (mark, mark.lower()) for word in (one, one.encode().hex())]
            found += [table for _ in await rows(f'SELECT 1 FROM "{table}" t WHERE t::text ILIKE ANY($1)', sought)]
    return found


async def _post(caller: Caller, *, begin: bool = True, **whom: Any) -> dict[str, Any]:
    reply = await caller("POST", "/ops/erasures", (whom or WHOM) | {"begin": begin})
    assert reply.status == 200, reply.content
    assert CANARY.lower().encode() not in reply.content.lower()
    told: dict[str, Any] = reply.json
    return told


async def _erase(caller: Caller) -> dict[str, Any]:
    begin = True

    async def ended() -> dict[str, Any] | None:
        nonlocal begin
        told = await _post(caller, begin=begin)
        begin = False
        return told if told["ended_at"] else None

    return await eventually(ended) or {}


async def test_the_person_is_gone_here_and_at_the_provider(
    dispatcher: Caller,
    upstream: Upstream,
    provider: Provider,
    rows: Rows,
    settings: Settings,
    kafka: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    await upstream.put(7, 1, order=ORDER, **PERSON)
    await upstream.put(9, 1, first_name="Other")
    await provider.holds(7, first_name=CANARY)
    await provider.holds(9, first_name="Other")
    await upstream.raw(EMAIL.encode(), b"{}", [("ce_id", b"1")])
    await upstream.raw(b"x", b"{}", [("ce_id", b"1"), ("from", EMAIL.upper().encode())])

    async def rejected() -> bool:
        return len(await rows("SELECT 1 FROM rejected_event WHERE published_at IS NOT NULL")) == 2

    await eventually(rejected)
    assert await _remains(rows)

    told = await _erase(dispatcher)

    await provider.lacks(7)
    assert await _remains(rows) == []
    assert (told["states"], told["lanes"], told["rejected"], told["waits_for"]) == (1, 1, 2, 0)
    assert told["orders"] == [{"order_id": 7, "source": SOURCE}]
    assert [one["topic"] for one in told["topics"] if one["known"] and one["until"]] == [
        settings["topics"]["events"],
        settings["topics"]["dead_letters"],
    ]

    async def removed() -> bool:
        [one] = (await dispatcher("GET", f"/ops/erasures/{told['erasure']}")).json["providers"]
        return bool(one["removed"] == 1 and one["waiting"] == one["remaining"] == 0)

    await eventually(removed)
    assert await provider.get(9)
    [change] = [one for one in (await dispatcher("GET", "/ops/changes")).json if one["action"] == "erase"]
    assert (change["lanes"], change["target"]["orders"], change["target"]["rejected"]) == (1, 1, 2)
    output = capfd.readouterr()
    assert [mark for mark in MARKS if mark.lower() in (output.out + output.err).lower()] == []
    for letter in await read_all(kafka, settings["topics"]["deliveries"]):
        assert CANARY.encode() not in (letter.value or b"")


async def test_what_was_under_way_is_forgotten_too_and_what_comes_later_counts(
    settings: Settings,
    ops_token: str,
    upstream: Upstream,
    provider: Provider,
    rows: Rows,
) -> None:
    settings["dispatcher"]["intake"]["group_id"] = "erasure"
    async with dispatching(settings, ops_token) as caller:
        await upstream.put(7, 1, **PERSON)
        await provider.holds(7, first_name=CANARY)
        await provider.behave(latency_s=0.3)
        for version in range(2, 6):
            await upstream.put(7, version, **PERSON | {"first_name": f"{CANARY} {version}"})
        await upstream.put(8, 1, **PERSON)

        told = await _erase(caller)

        assert await _remains(rows) == []
        assert {one["order_id"] for one in told["orders"]} == {7, 8}
        await provider.lacks(7)
        await provider.lacks(8)
        await upstream.put(7, 4, **PERSON)  # published before, and again
        await upstream.put(7, 6, first_name="Later")
        await provider.holds(7, first_name="Later")
        assert await _remains(rows) == []


async def test_one_that_was_cut_short_goes_on_at_any_replica(
    settings: Settings,
    ops_token: str,
    upstream: Upstream,
    provider: Provider,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def kafka_is_away(_: Erasing) -> None:
        return None

    async with dispatching(settings, ops_token) as caller:
        await upstream.put(7, 1, **PERSON)
        await provider.holds(7, first_name=CANARY)
        with monkeypatch.context() as patched:
            patched.setattr(Erasing, "_ends", kafka_is_away)
            begun = await _post(caller)
        assert (begun["ended_at"], begun["waits_for"]) == (None, None)
    assert await _remains(rows) == []

    async with dispatching(settings, ops_token) as caller:
        told = await _erase(caller)

        assert told["erasure"] == begun["erasure"]
        assert (told["states"], told["lanes"]) == (1, 1)
        again = await _post(caller)
        assert again["erasure"] != begun["erasure"]
        assert again["states"] == again["lanes"] == 0


async def test_two_at_once_do_not_end_each_other(
    dispatcher: Caller, upstream: Upstream, provider: Provider, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kafka_is_away(_: Erasing) -> None:
        return None

    await upstream.put(7, 1, **PERSON)
    await upstream.put(8, 1, first_name="Other", email="other@nest.test")
    await provider.holds(7, first_name=CANARY)
    await provider.holds(8, first_name="Other")
    with monkeypatch.context() as patched:
        patched.setattr(Erasing, "_ends", kafka_is_away)
        begun = await _post(dispatcher)

    async def other_ended() -> dict[str, Any] | None:
        told = await _post(dispatcher, email="OTHER@nest.test", orders=[])
        return told if told["ended_at"] else None

    other = await eventually(other_ended) or {}
    assert other["erasure"] != begun["erasure"]
    assert [one["order_id"] for one in other["orders"]] == [8]
    await upstream.raw(EMAIL.encode(), b"{}", [("ce_id", b"1")])  # the person's, while the first one waits

    told = await _erase(dispatcher)

    assert told["erasure"] == begun["erasure"]
    assert [one["order_id"] for one in told["orders"]] == [7]
    assert await _remains(rows) == []
    assert [row["mark"] for row in await rows("SELECT mark FROM ops_erasure")] == [None, None]


@pytest.mark.parametrize("body", [{}, {"email": ""}, {"orders": [{"order_id": 0, "source": "x"}]}])
async def test_nobody_is_nobody(dispatcher: Caller, body: dict[str, Any]) -> None:
    assert (await dispatcher("POST", "/ops/erasures", body)).status == 422
    assert (await dispatcher("GET", "/ops/erasures/1")).status == 404


async def test_who_may_only_look_erases_nobody(dispatcher: Caller, dispatch_database: Database) -> None:
    async with dispatch_database.connection() as connection:
        token = await create_token(connection, name="reader", permissions=["ops:read", "personal:read"])

    assert (await dispatcher.with_token(token)("POST", "/ops/erasures", WHOM)).status == 403
