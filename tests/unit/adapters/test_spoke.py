"""What Spoke has taught: stops move onto plans, and their places cannot be changed."""

import asyncio
import json
from typing import Any

from infra.adapters import ADDRESS, CASES, ORDER, command
from infra.providers.scripted import Answer, Direct
from infra.providers.spoke import Spoke

from sendto.sdk import AlreadyAbsent, Applied, Command, Operation, Outcome, Rejected, RemoteRef, Requirement

CASE = CASES["spoke"]


def _apply(provider: Spoke, *commands: Command) -> list[Outcome]:
    adapter = CASE.adapter()
    return [asyncio.run(adapter.apply(one, Direct(provider))) for one in commands]


def _sent(one: Command) -> Any:
    return json.loads(CASE.adapter().translate(one).body)


def test_a_stop_as_it_is_sent() -> None:
    assert _sent(command(Operation.CREATE)) == {
        "recipient": {
            "name": "Ada Lovelace",
            "email": "ada@shop.test",
            "phone": "+447700900123",
            "externalId": "51342",
        },
        "notes": "Ring twice",
        "address": {
            "addressLineOne": "2 St Josephs Crescent",
            "city": "Liverpool",
            "zip": "L3 3JF",
            "country": "GB",
        },
        "depot": "depots/north",
    }


def test_a_change_says_what_is_gone_and_leaves_the_place_alone() -> None:
    sent = _sent(command(Operation.UPDATE, remote="unassignedStops/stop1", email=None, last_name=""))

    assert sent == {
        "recipient": {"name": "Ada", "email": None, "phone": "+447700900123", "externalId": "51342"},
        "notes": "Ring twice",
    }


def test_a_change_of_the_place_makes_no_call() -> None:
    adapter = CASE.adapter()
    moved = ORDER.model_copy(update={"address": ADDRESS.model_copy(update={"address_1": "7 Elsewhere Road"})})

    assert adapter.content(command(Operation.UPDATE)) == adapter.content(command(Operation.UPDATE, order=moved))
    assert adapter.capabilities.requires == {Requirement.DELIVERY_ADDRESS}


def test_a_stop_is_followed_onto_its_plan() -> None:
    provider = Spoke()
    [created] = _apply(provider, command(Operation.CREATE))
    assert created == Applied(RemoteRef("unassignedStops/stop1"))
    provider.plan()

    changed, gone = _apply(
        provider,
        command(Operation.UPDATE, remote="unassignedStops/stop1", first_name="Augusta"),
        command(Operation.DELETE, remote="unassignedStops/stop1"),
    )

    assert changed == Applied(RemoteRef("plans/plan1/stops/stop1"))
    assert gone == Applied()
    assert provider.stops == {}
    assert not [write for write in provider.writes() if write.startswith("POST")][1:]


def test_a_plan_that_is_under_way_is_left_alone() -> None:
    provider = Spoke()
    _apply(provider, command(Operation.CREATE))
    provider.plan()
    provider.writable = False

    outcomes = _apply(provider, command(Operation.UPDATE), command(Operation.DELETE))

    assert outcomes == [Rejected("plan_not_writable", "the stop is on a plan that is not to be changed any more")] * 2


def test_a_lost_create_is_found_by_its_external_id_wherever_it_is() -> None:
    provider = Spoke()
    _apply(provider, command(Operation.CREATE, reference="5134"), command(Operation.CREATE))
    adapter = CASE.adapter()

    assert asyncio.run(adapter.find("51342", Direct(provider))) == RemoteRef("unassignedStops/stop2")
    provider.plan()
    assert asyncio.run(adapter.find("51342", Direct(provider))) == RemoteRef("plans/plan1/stops/stop2")
    assert asyncio.run(adapter.find("7", Direct(provider))) is None


def test_a_stop_that_is_nowhere_is_gone() -> None:
    remote = "unassignedStops/stop9"

    assert _apply(Spoke(), command(Operation.UPDATE, remote=remote), command(Operation.DELETE, remote=remote)) == [
        AlreadyAbsent(),
        AlreadyAbsent(),
    ]


def test_what_the_subscription_lacks_is_the_order_s_trouble() -> None:
    provider = Spoke()
    provider.next.append(Answer(403, {"message": "No", "code": "feature_not_in_subscription", "url": "https://x"}))

    [outcome] = _apply(provider, command(Operation.CREATE))

    assert outcome == Rejected("feature_not_in_subscription", "the team's subscription does not include it")


def test_an_id_that_is_no_path_is_never_put_into_an_address() -> None:
    provider = Spoke()
    _apply(provider, command(Operation.CREATE))

    [outcome] = _apply(provider, command(Operation.UPDATE, remote="../../evil?x=", first_name="Augusta"))

    assert outcome == Applied(RemoteRef("unassignedStops/stop1"))
    assert not [asked for asked in provider.asked if "evil" in asked.path]
