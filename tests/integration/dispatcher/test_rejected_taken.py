"""Rejected events are taken again after a fix: one, or all that are chosen, each recorded."""

from typing import Any

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from infra.serving import Caller
from integration.dispatcher.conftest import Rows, Settings, dispatching

from sendto.runtime.database import Database
from sendto_dispatcher.store.tokens import create_token

_DETAIL = "its source is not on the list of those heard"


@pytest.fixture
async def rejected(upstream: Upstream, settings: Settings, ops_token: str, rows: Rows) -> list[int]:
    """Four events of a source that is not heard; the configuration is mended afterwards."""
    settings["sources"] = {"allow": ["/nobody"]}
    async with dispatching(settings, ops_token):
        await upstream.put(1, 5)
        await upstream.put(2, 1)
        await upstream.put(2, 2, first_name="Newer")
        await upstream.delete(3, 1)

        async def all_there() -> list[int] | None:
            found = await rows("SELECT id FROM rejected_event ORDER BY id")
            return [row["id"] for row in found] if len(found) == 4 else None

        ids = await eventually(all_there)
    del settings["sources"]
    assert ids is not None
    return ids


async def _of_order(ops: Caller, order_id: int) -> list[dict[str, Any]]:
    listed = (await ops("GET", "/ops/rejected?reason=source_not_allowed")).json
    return [row for row in listed if row["order_id"] == order_id]


async def test_one_is_taken_and_delivered(
    rejected: list[int], provider: Provider, settings: Settings, ops_token: str
) -> None:
    del rejected
    async with dispatching(settings, ops_token) as ops:
        [row] = await _of_order(ops, 1)
        assert (row["reason"], row["detail"]) == ("source_not_allowed", _DETAIL)

        taken = (await ops("POST", f"/ops/rejected/{row['id']}/take")).json

        assert taken == {"verdict": "counted", "order_id": 1, "lanes": 1}
        await provider.holds(1)
        assert await _of_order(ops, 1) == []
        assert (await ops("POST", f"/ops/rejected/{row['id']}/take")).status == 404
        [change] = (await ops("GET", "/ops/changes")).json
        assert (change["action"], change["lanes"]) == ("rejected event taken", 1)
        assert change["target"] == {"rejected": row["id"], "order_id": 1, "verdict": "counted"}


async def test_all_of_a_reason_are_taken_in_stretches_in_their_order(
    rejected: list[int], provider: Provider, settings: Settings, ops_token: str
) -> None:
    async with dispatching(settings, ops_token) as ops:
        assert (await ops("GET", "/ops/rejected/count?reason=source_not_allowed")).json == {"events": 4}
        assert (await ops("GET", "/ops/rejected/count?source=/other")).json == {"events": 0}
        asked = {"reason": "source_not_allowed", "limit": 3}

        first = (await ops("POST", "/ops/rejected/take", asked)).json
        last = (await ops("POST", "/ops/rejected/take", asked | {"after": first["next_after"]})).json

        assert (sum(first["taken"].values()), first["next_after"]) == (3, rejected[2])
        assert (sum(last["taken"].values()), last["next_after"]) == (1, None)
        assert first["refused"] == last["refused"] == []
        await provider.holds(1)
        await provider.holds(2, first_name="Newer")
        changes = (await ops("GET", "/ops/changes")).json
        assert [change["target"]["events"] for change in changes] == [1, 3]


async def test_what_is_not_mended_stays_rejected_and_says_why(
    rejected: list[int], settings: Settings, ops_token: str
) -> None:
    settings["sources"] = {"allow": ["/nobody"]}
    async with dispatching(settings, ops_token) as ops:
        refused = await ops("POST", f"/ops/rejected/{rejected[0]}/take")
        assert refused.status == 409
        assert refused.json["detail"].endswith(_DETAIL)

        some = (await ops("POST", "/ops/rejected/take", {})).json

        assert some["taken"] == {}
        assert [one["id"] for one in some["refused"]] == rejected
        assert len((await ops("GET", "/ops/rejected?limit=500")).json) == 4


async def test_its_bytes_and_a_customer_are_shown_with_a_permission_of_its_own_and_recorded(
    rejected: list[int], settings: Settings, ops_token: str, dispatch_database: Database
) -> None:
    async with dispatch_database.connection() as connection:
        weak = await create_token(connection, name="weak", permissions=["ops:read", "ops:write"])
    async with dispatching(settings, ops_token) as ops:
        [row] = await _of_order(ops, 1)
        assert (await ops.with_token(weak)("POST", f"/ops/rejected/{row['id']}/record")).status == 403

        record = (await ops("POST", f"/ops/rejected/{row['id']}/record")).json

        assert record["key"] == "1"
        assert "first_name" in record["value"]
        assert ["ce_source", row["source"]] in record["headers"]
        await ops("POST", f"/ops/rejected/{row['id']}/take")
        assert (await ops.with_token(weak)("POST", "/ops/orders/1/customer")).status == 403
        [shown] = (await ops("POST", "/ops/orders/1/customer")).json
        assert shown["customer"]["first_name"]
        changes = (await ops("GET", "/ops/changes")).json
        assert [change["action"] for change in changes].count("personal data shown") == 2
    assert rejected
