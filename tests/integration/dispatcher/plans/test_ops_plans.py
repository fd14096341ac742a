"""A million lanes: what ops look at and set going costs as much as what is asked for, not as much as there is."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from infra.explain import Explaining
from infra.lanes import NAME, SOURCE, Lanes
from integration.dispatcher.plans.conftest import LANES

from sendto.runtime.database import Connection, Database
from sendto_dispatcher.store import (
    census,
    overview,
    providers,
    reading,
    rejected_listing,
    replays,
    reroutes,
    story,
    unrouted,
)
from sendto_dispatcher.store.changes import change_rows
from sendto_dispatcher.store.erasure import erase, orders_of
from sendto_dispatcher.store.listing import OPS_SESSION, STRETCH, ListedState, Listing, Place, list_lanes
from sendto_dispatcher.store.replay import replay, retry_now
from sendto_dispatcher.store.reroute import reroute_some
from sendto_dispatcher.store.route_count import count_moves
from sendto_dispatcher.store.selection import ChosenState, Selection, count_lanes
from sendto_dispatcher.store.sources import forget_versions, heard_sources
from sendto_dispatcher.store.taking_again import take_again

pytestmark = [pytest.mark.large, pytest.mark.xdist_group("million_lanes")]

BATCH = 100
NAMES = [NAME, *(f"provider {number}" for number in range(1, 5)), "rare"]
NOW = datetime.now(UTC)


@pytest.fixture
def lanes(million: Database) -> Lanes:
    """The rules that orders are taken by."""
    return Lanes(million)


@pytest.mark.parametrize("providers_asked", [NAMES, ["rare"]], ids=["all", "rare"])
@pytest.mark.parametrize("state", ListedState)
async def test_a_page_of_lanes(
    explaining: Explaining, explained: Connection, state: ListedState, providers_asked: list[str]
) -> None:
    for after in (Place(), Place(900_000), Place(500_000, NOW)):
        for reason in (None, "http_422"):
            await list_lanes(
                explained,
                Listing(providers=providers_asked, state=state, reason=reason, limit=50, after=after),
            )
    await list_lanes(explained, Listing(providers=providers_asked, state=state, behind_for_s=60, limit=50))

    explaining.all_cheap(STRETCH, statements=7)


@pytest.mark.parametrize("state", ListedState)
async def test_the_first_page_of_a_providers_lanes_sorts_nothing_but_itself(
    explaining: Explaining, explained: Connection, state: ListedState
) -> None:
    for name, value in OPS_SESSION.items():
        await explained.execute(f"SET LOCAL {name} = {value}")
    await list_lanes(explained, Listing(providers=[NAME], state=state, limit=50))

    assert explaining.planned[0].rows <= 500  # twice the page, and what is due at the same moments


Look = Callable[[Connection], Awaitable[object]]
LOOKS: dict[str, Look] = {
    "order": lambda c: story.order_rows(c, 4_711),
    "deliveries": lambda c: story.delivery_rows(c, 4_711),
    "lanes": lambda c: story.lane_rows(c, list(range(1, 51))),
    "lane ids": lambda c: story.lane_ids_of_order(c, 4_711),
    "plan": lambda c: reading.claims_of_order(c, 4_711),
    "still": lambda c: reading.is_still(c, 4_711, 1_000),
    "repair": lambda c: reading.repair(c, 4_711, 1_000, present=True, remote="r"),
    "providers": story.provider_rows,
    "positions": overview.position_rows,
    "replicas": overview.replica_rows,
    "live": lambda c: providers.live_replicas(c, within_s=30),
    "rejected": lambda c: rejected_listing.rejected_rows(c, before_id=None, limit=50),
    "rejected before": lambda c: rejected_listing.rejected_rows(c, before_id=50_000, limit=50),
    "rejected of a reason": lambda c: rejected_listing.rejected_rows(
        c, rejected_listing.Chosen(reason="key_missing"), before_id=None, limit=50
    ),
    "rejected of a source": lambda c: rejected_listing.rejected_rows(
        c, rejected_listing.Chosen(source="/nobody"), before_id=90_000, limit=50
    ),
    "rejected of both": lambda c: rejected_listing.rejected_rows(
        c, rejected_listing.Chosen(source="/shop/upstream", reason="key_missing"), before_id=None, limit=50
    ),
    "next rejected": lambda c: rejected_listing.next_rejected(
        c, rejected_listing.Chosen(source="/shop/upstream", reason="key_missing"), after_id=5, limit=50
    ),
    "count of a reason": lambda c: rejected_listing.count_rejected(c, rejected_listing.Chosen(reason="key_missing")),
    "unrouted": lambda c: unrouted.unrouted_rows(c, before_id=None, limit=50),
    "unrouted before": lambda c: unrouted.unrouted_rows(c, before_id=500_000, before_source="/a", limit=50),
    "one rejected": lambda c: rejected_listing.rejected_row(c, 5),
    "routes": lambda c: reroutes.reroute_rows(c, before_id=None, limit=50),
    "routes unfinished": reroutes.unfinished_reroute,
    "changes": lambda c: change_rows(c, before_id=None, limit=50),
    "replays": lambda c: replays.replay_rows(c, before_id=None, limit=50),
    "unfinished": replays.unfinished_replays,
    "due": lambda c: replays.due_lanes(c, NAME, at_most=500),
    "orders of a person": lambda c: orders_of(c, "Ada4711@shop.test"),
}


@pytest.mark.parametrize("look", LOOKS)
async def test_a_look(explaining: Explaining, explained: Connection, look: str) -> None:
    await LOOKS[look](explained)

    explaining.all_cheap(BATCH, statements=1)


NUMBERS: dict[str, Look] = {
    "attempts": overview.attempt_numbers,
    "events": overview.event_numbers,
    "newest": lambda c: overview.newest_attempts(c, limit=50),
    "newest of one": lambda c: overview.newest_attempts(c, provider="rare", failed=True, limit=50),
    "sources": heard_sources,
}


@pytest.mark.parametrize("number", NUMBERS)
async def test_what_is_told_of_the_last_minutes_reads_the_newest_rows_only(
    explaining: Explaining, explained: Connection, number: str
) -> None:
    await NUMBERS[number](explained)

    explaining.all_cheap(20, statements=1)


async def test_a_step_of_counting_the_lanes(explaining: Explaining, explained: Connection) -> None:
    for after_id in (0, 500_000):
        await explained.execute(
            "UPDATE lane_census SET next_at = now(), oldest_next_at = 'infinity', after_id = $1",
            after_id,
        )
        await census.count_some(explained, pause=0.0, every_s=0.0)

    explaining.all_cheap(census.STRETCH, statements=8)
    assert await explained.fetchval("SELECT after_id FROM lane_census") == 500_000 + census.STRETCH


async def test_how_old_the_oldest_are_is_found_by_an_index_however_many_rest(
    explaining: Explaining, explained: Connection
) -> None:
    await explained.execute("UPDATE lane_census SET next_at = 'infinity', oldest_next_at = now()")
    await census.count_some(explained, pause=0.0, every_s=60.0)
    numbers = await census.lane_numbers(explained)

    assert numbers.behind_s[NAME] > 0
    assert numbers.overdue_s[NAME] > 0
    explaining.all_cheap(len(NAMES), statements=6)


async def test_a_page_of_an_audit(explaining: Explaining, explained: Connection) -> None:
    for provider in (NAME, "rare"):
        await reading.audit_page(explained, provider, after=0, limit=BATCH)
        await reading.audit_page(explained, provider, after=900_008, limit=BATCH)

    explaining.all_cheap(BATCH, statements=4)


CHOSEN = [
    Selection(provider=provider, state=state, reason=reason)
    for provider in (NAME, "rare")
    for state in (None, *ChosenState)
    for reason in (None, "http_422")
]


@pytest.mark.parametrize("selection", CHOSEN, ids=lambda one: f"{one.provider} {one.state} {one.reason}")
async def test_a_step_of_a_replay(explaining: Explaining, explained: Connection, selection: Selection) -> None:
    windowed = Selection(
        provider=selection.provider, state=selection.state, changed_after=NOW - timedelta(days=1), changed_before=NOW
    )
    for one in (selection, windowed):
        run = await replays.begin_replay(explained, one, by="ops", lanes=1)
        await replays.replay_some(explained, int(run["id"]), lanes=BATCH)

    explaining.all_cheap(BATCH, statements=4)


@pytest.mark.parametrize("state", [ChosenState.DEAD, ChosenState.BEHIND, ChosenState.SHADOW])
async def test_what_needs_someone_is_counted_by_an_index(
    explaining: Explaining, explained: Connection, state: ChosenState
) -> None:
    counted = await count_lanes(explained, Selection(provider=NAME, state=state, reason="http_422"))

    explaining.all_cheap(max(counted, 12_000), statements=1)


@pytest.mark.parametrize("state", [None, ChosenState.CONVERGED, ChosenState.UNCONFIRMED])
async def test_what_no_index_finds_is_counted_in_stretches(
    explaining: Explaining, explained: Connection, state: ChosenState | None
) -> None:
    counted = await count_lanes(explained, Selection(provider="rare", state=state, changed_before=NOW))

    assert counted <= LANES // 100_000 + 1
    explaining.all_cheap(20_000, statements=LANES // 20_000)


async def test_a_replay_and_a_retry(explaining: Explaining, explained: Connection) -> None:
    ids = list(range(500_000, 500_000 + BATCH))
    assert await replay(explained, ids) > BATCH // 2
    await retry_now(explained, ids)

    explaining.all_cheap(BATCH, statements=4)


async def test_a_rejected_event_is_taken_again(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    event = lanes.event(4_711, None)
    await explained.execute("UPDATE order_state SET carried = false WHERE order_id = $1", 4_711)

    again = await take_again(explained, 4_711, lanes.rules, lambda *_: event)

    assert again.verdict or again.refused
    explaining.all_cheap(BATCH, statements=4)


async def test_a_person_is_forgotten(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    erased = await erase(explained, [(order_id, SOURCE) for order_id in range(1, BATCH)], lanes.rules)

    assert erased.lanes > BATCH // 2
    explaining.all_cheap(BATCH, statements=6)


async def test_a_step_of_applying_the_routes(lanes: Lanes, explaining: Explaining, explained: Connection) -> None:
    await explained.execute(
        "INSERT INTO replica (id, host, pid, release, config_digest) VALUES ('one', 'one', 1, '1', 'digest')"
    )
    lanes.route("elsewhere")
    routed = await reroute_some(explained, "digest", lanes.rules, (500_000, ""), limit=BATCH)

    assert routed.routed == BATCH
    explaining.all_cheap(4 * BATCH, statements=6)


async def test_what_the_routes_would_move_is_counted_in_stretches(
    lanes: Lanes, explaining: Explaining, explained: Connection
) -> None:
    lanes.route("elsewhere")
    counted = await count_moves(explained, lanes.rules)

    assert counted.orders > LANES // 2
    explaining.all_cheap(10_000, statements=2 * LANES // 10_000)


async def test_a_step_of_forgetting_versions(explaining: Explaining, explained: Connection) -> None:
    forgotten, after = await forget_versions(explained, SOURCE, above=0, after_order_id=500_000)

    assert (forgotten, after) == (5_000, 505_000)
    explaining.all_cheap(5_000, statements=1)
