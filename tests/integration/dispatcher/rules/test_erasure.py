"""Rules 1, 2 and 18: a person is forgotten everywhere here, and made absent at the providers."""

from typing import Any

from infra.lanes import NAME, Lanes

from sendto.events.decode import Rejection, RejectReason
from sendto.sdk import Ambiguous, Applied, Capabilities, Idempotency
from sendto_dispatcher.store.erasure import Erased, erase, orders_of
from sendto_dispatcher.store.taking import Key

SECRET = "unmistakable"
EMAIL = f"{SECRET}@shop.test"
REQUEST_KEY = Capabilities(idempotency=Idempotency.REQUEST_KEY, request_key_ttl_s=3600)


async def _erase(lanes: Lanes, *texts: str) -> Erased:
    async with lanes.database.transaction() as connection:
        keys: list[Key] = await orders_of(connection, EMAIL.upper())
        return await erase(connection, keys, lanes.rules, texts)


async def _remains(lanes: Lanes) -> list[str]:
    tables = await lanes.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = []
    for table in (str(row["tablename"]) for row in tables):
        rows = await lanes.rows(f'SELECT 1 FROM "{table}" t WHERE t::text LIKE $1', f"%{SECRET}%")
        encoded = SECRET.encode().hex()
        found += [table for _ in rows]
        found += [table for _ in await lanes.rows(f'SELECT 1 FROM "{table}" t WHERE t::text LIKE $1', f"%{encoded}%")]
    return found


async def _lane(lanes: Lanes) -> dict[str, Any]:
    return await lanes.lane(7)


async def test_nothing_of_the_person_remains_and_the_provider_is_told(lanes: Lanes) -> None:
    await lanes.put(7, 5, email=EMAIL, order={"order_type": "delivery", "comment": SECRET})
    await lanes.put(8, 5, email="other@shop.test")
    for claim in await lanes.claim():
        await lanes.settle(claim, Applied(None))
    before = await _lane(lanes)
    assert await _remains(lanes)

    erased = await _erase(lanes)

    assert erased == Erased(states=1, lanes=1, kept_bodies=0, rejected=0)
    assert await _remains(lanes) == []
    lane = await _lane(lanes)
    assert lane["desired_generation"] > before["desired_generation"]
    assert (lane["desired_version"], lane["desired_present"]) == (5, False)
    [claim] = await lanes.claim()
    assert (claim.lane.order_id, claim.lane.desired_present) == (7, False)
    [other] = await lanes.rows("SELECT present FROM order_state WHERE order_id = 8")
    assert other["present"]


async def test_the_version_stays_so_older_events_do_not_come_back_and_newer_ones_count(lanes: Lanes) -> None:
    await lanes.put(7, 5, email=EMAIL)
    await _erase(lanes)

    await lanes.put(7, 5, email=EMAIL)
    await lanes.put(7, 4, email=EMAIL)
    assert await _remains(lanes) == []
    assert not (await _lane(lanes))["desired_present"]

    await lanes.put(7, 6, email="new@shop.test")
    assert (await _lane(lanes))["desired_present"]


async def test_a_kept_body_is_cleared_and_the_lane_still_knows_that_a_create_may_have_arrived(lanes: Lanes) -> None:
    lanes.capabilities = REQUEST_KEY
    await lanes.put(7, 1, email=EMAIL)
    [claim] = await lanes.claim()
    await lanes.settle(claim, Ambiguous("answer_lost"))
    assert (await _lane(lanes))["kept_body"] is not None

    erased = await _erase(lanes)

    assert erased.kept_bodies == 1
    assert await _remains(lanes) == []
    lane = await _lane(lanes)
    assert lane["kept_body"] is None
    assert lane["kept_generation"] is not None
    assert lane["in_doubt"]
    await lanes.expire(7)
    [again] = await lanes.claim()
    assert again.lane.kept is not None
    assert again.lane.kept.state is None


async def test_what_is_being_sent_meanwhile_is_followed_by_the_deletion(lanes: Lanes) -> None:
    await lanes.put(7, 1, email=EMAIL)
    [claim] = await lanes.claim()

    await _erase(lanes)
    await lanes.settle(claim, Applied(None))

    lane = await _lane(lanes)
    assert (lane["applied_present"], lane["desired_present"]) == (True, False)
    [again] = await lanes.claim()
    assert not again.lane.desired_present


async def test_rejected_events_of_the_order_and_those_that_name_the_person_go(lanes: Lanes) -> None:
    await lanes.put(7, 1, email=EMAIL)
    for number, order_id in enumerate((7, None, 9), start=100):
        record = lanes.record(lanes.event(7, 1), number)
        value = f'{{"mail": "{EMAIL}"}}'.encode() if order_id != 9 else b"somebody else"
        rejection = Rejection(RejectReason.DATA_INVALID, "data: wrong", None, order_id)
        await lanes.take_records(
            [
                type(record)(
                    topic=record.topic,
                    partition=0,
                    offset=number,
                    recorded_at=record.recorded_at,
                    key=None,
                    value=value,
                    headers=(),
                    decoded=rejection,
                )
            ]
        )

    erased = await _erase(lanes, EMAIL)

    assert erased.rejected == 2
    assert await _remains(lanes) == []
    assert [row["order_id"] for row in await lanes.rows("SELECT order_id FROM rejected_event")] == [9]


async def test_every_source_and_provider_of_the_order_is_reached(lanes: Lanes) -> None:
    lanes.route(NAME, "second")
    for source in ("/shop/a", "/shop/b"):
        await lanes.take([lanes.event(7, 1, source=source, email=EMAIL)])

    assert (await _erase(lanes)).states == 2

    assert await lanes.rows("SELECT 1 FROM lane WHERE desired_present") == []
