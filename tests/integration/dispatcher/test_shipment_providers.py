"""Orders from the topic to each kind of shipment provider, through the whole dispatcher: create, change, delete.

Rule 18: the first create's answer is lost. Rule 32: where references are spent, the next one is numbered.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from infra.adapters import CASES
from infra.events import Upstream
from infra.eventually import eventually
from infra.providers.scripted import Answer, Scripted, on_socket
from integration.dispatcher.conftest import FAST_RETRY, Rows, Settings, dispatching

ORDER = {
    "order_type": "delivery",
    "order_total": 15.04,
    "currency": "USD",
    "comment": "Ring twice",
    "address": {"address_1": "2 St Josephs Crescent", "city": "Liverpool", "postcode": "L3 3JF", "country": "GB"},
}


@dataclass
class Shipment:
    """A provider in miniature to which all orders go."""

    name: str
    scripted: Scripted

    async def holds(self, first_name: str) -> None:
        """Wait until it holds one object for the order, with a customer of this name."""

        async def held() -> bool:
            return [first_name in str(one) for one in self.scripted.held("7")] == [True]

        await eventually(held)

    async def lacks(self) -> None:
        """Wait until it holds nothing for the order."""

        async def gone() -> bool:
            return not self.scripted.held("7")

        await eventually(gone)


@pytest.fixture(params=list(CASES))
async def shipment(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Shipment]:
    """One of the providers."""
    case = CASES[request.param]
    scripted = case.provider()
    async with on_socket(scripted) as host:
        settings["providers"] = {"shipping": case.settings(host) | {"retry": FAST_RETRY}}
        settings["routing"] = {"default": ["shipping"]}
        yield Shipment(case.name, scripted)


async def test_an_order_lives_at_its_provider(
    upstream: Upstream, shipment: Shipment, settings: Settings, rows: Rows
) -> None:
    async def converged() -> bool:
        return bool(await rows("SELECT 1 FROM lane WHERE due_at IS NULL AND resting IS NULL"))

    shipment.scripted.lose_answers = 1
    async with dispatching(settings):
        await upstream.put(7, 1, kind="created", mobile_number="07700 900123", order=ORDER)
        await shipment.holds("Ada")
        await eventually(converged)
        await upstream.put(7, 2, first_name="Augusta", mobile_number="07700 900123", order=ORDER)
        await shipment.holds("Augusta")
        await eventually(converged)
        await upstream.delete(7, 3)
        await shipment.lacks()
        await eventually(converged)

    [lane] = await rows("SELECT applied_present, reference, in_doubt FROM lane")
    assert (lane["applied_present"], lane["in_doubt"]) == (False, False)
    assert lane["reference"] == ("7-2" if shipment.name == "doordash" else "7")
    attempts = await rows("SELECT operation, outcome, reason FROM attempt ORDER BY id")
    assert {"transient", "ambiguous"} & {attempt["outcome"] for attempt in attempts}


@pytest.mark.parametrize("shipment", ["trackpod"], indirect=True)
async def test_refused_credentials_hold_the_provider_and_not_the_order(
    upstream: Upstream, shipment: Shipment, settings: Settings, rows: Rows
) -> None:
    rightly = shipment.scripted.authorization
    shipment.scripted.authorization = ("x-api-key", "another")

    async def held() -> bool:
        return bool(await rows("SELECT 1 FROM provider_state WHERE hold_reason = 'unauthorized'"))

    async with dispatching(settings):
        await upstream.put(7, 1, order=ORDER)
        await eventually(held)
        shipment.scripted.authorization = rightly
        await shipment.holds("Ada")


@pytest.mark.parametrize("shipment", ["sendcloud"], indirect=True)
async def test_an_order_that_sendcloud_is_busy_with_is_not_given_up(
    upstream: Upstream, shipment: Shipment, settings: Settings
) -> None:
    busy = {"status": "400", "code": "invalid", "detail": "We are still processing a previous request."}
    shipment.scripted.next.extend([Answer(400, {"errors": [busy | {"source": {"pointer": "/data"}}]})] * 2)
    async with dispatching(settings):
        await upstream.put(7, 1, order=ORDER)
        await shipment.holds("Ada")
