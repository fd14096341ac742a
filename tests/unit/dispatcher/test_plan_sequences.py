"""A plan shows every request of a step, masked, and sends nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from infra.adapters import CASES
from msgspec import structs
from unit.dispatcher.building import claim, state

from sendto.events.customer import OrderSnapshot
from sendto.events.decode import Rejection, RejectReason
from sendto.sdk.rehearsal import FROM_ANSWER
from sendto.sdk.testing import CANARIA, ORDER
from sendto.sdk.testing.people import CANARIES
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.ops.configured import Configured, Reached
from sendto_dispatcher.ops.plan import LanePlan, order_plan
from sendto_dispatcher.store.taking import IntakeRules


def _configured(name: str) -> Configured:
    def no_client(_: float) -> Any:
        raise AssertionError("a plan sends nothing")

    reached = Reached(
        adapter=CASES[name].adapter(),
        remake=CASES[name].adapter,
        http=no_client,
        timeout_s=10.0,
        bucket=None,
        shadow=False,
        secrets=frozenset(),
    )
    return Configured(
        rates={"acme": None},
        limits={},
        broken={},
        disabled=frozenset(),
        reached={"acme": reached},
        prefixes={},
        timeouts_s={"acme": 10.0},
        rules=IntakeRules(routing=Routing((), ("acme",)), prefixes={}, carrying=frozenset()),
        decode=lambda *_: Rejection(RejectReason.TOO_LARGE, ""),
        digest="",
        loaded_at=datetime(2026, 1, 2, tzinfo=UTC),
        refused=None,
        shown={},
    )


async def _plan(name: str, order: OrderSnapshot = ORDER, **changes: Any) -> LanePlan:
    known = structs.replace(state(), customer=CANARIA, order=order)
    one = claim(known, **changes)
    [found] = (await order_plan(7, [one], {}, _configured(name), personal=False)).lanes
    assert not [canary for canary in CANARIES if canary in found.model_dump_json()]
    return found


HELD = {"applied_present": True, "desired_present": True, "remote": None}
GONE = {"applied_present": True, "desired_present": False, "remote": "7001"}
DOUBT = {"applied_present": False, "desired_present": True, "in_doubt": True, "remote": None}


@pytest.mark.parametrize(
    ("name", "changes", "does", "methods"),
    [
        ("sendcloud", GONE, "delete", ["GET", "DELETE"]),
        ("sendcloud", HELD, "update", ["POST"]),
        ("spoke", HELD, "update", ["GET", "PATCH"]),
        ("spoke", HELD | {"remote": "unassignedStops/x"}, "update", ["PATCH"]),
        ("spoke", GONE | {"remote": None}, "delete", ["GET", "DELETE"]),
        ("spoke", DOUBT, "look_up", ["GET", "PATCH"]),
        ("spoke", DOUBT | {"desired_present": False}, "look_up", ["GET", "DELETE"]),
        ("karrio", DOUBT, "look_up", ["GET", "PATCH"]),
        ("karrio", HELD, "update", ["GET", "PATCH"]),
        ("trackpod", HELD | {"applied_present": False}, "create", ["PUT", "POST"]),
        ("doordash", HELD, "update", ["PATCH"]),
    ],
)
async def test_every_request_is_shown(name: str, changes: dict[str, Any], does: str, methods: list[str]) -> None:
    found = await _plan(name, **changes)

    assert (found.does, [request.method for request in found.requests]) == (does, methods)
    assert found.most_requests >= len(methods)
    by_answer = [FROM_ANSWER in request.url for request in found.requests]
    assert by_answer == [False, *[methods[0] == "GET"] * (len(methods) - 1)]


async def test_what_the_adapter_refuses_is_told_and_sends_nothing() -> None:
    found = await _plan("sendcloud", ORDER.model_copy(update={"order_total": None}), **HELD)

    assert found.requests == []
    assert "needs_order_total" in found.why
