"""Rule 33: lanes of a provider that is not configured, or disabled, wait untouched, and go on when it is back."""

import pytest
from infra.events import Upstream
from infra.eventually import eventually
from infra.sandbox import Provider
from integration.dispatcher.conftest import Rows, Settings, dispatching

TO_OTHER = {"order_type": "delivery", "shipment_provider": "other"}


@pytest.mark.parametrize("disabled", [True, False])
async def test_they_wait_untouched_and_then_only_the_newest_state_goes_out(
    settings: Settings, upstream: Upstream, provider: Provider, rows: Rows, disabled: bool
) -> None:
    there = settings["providers"]["sandbox"]
    settings["providers"]["other"] = dict(there)
    async with dispatching(settings):
        await upstream.put(7, 1, order=TO_OTHER)
        await provider.holds(7, version=1)

    if disabled:
        settings["providers"]["other"] = there | {"enabled": False}
    else:
        del settings["providers"]["other"]
    async with dispatching(settings):
        for version in (2, 3):
            await upstream.put(7, version, order=TO_OTHER, first_name=f"Name {version}")
        await upstream.put(8, 1, order=TO_OTHER)

        async def taken() -> bool:
            return len(await rows("SELECT 1 FROM intake_event")) == 4

        await eventually(taken)
        await upstream.put(9, 1)
        await provider.holds(9)
    waiting = await rows("SELECT * FROM lane WHERE provider = 'other' AND due_at IS NOT NULL ORDER BY order_id")
    assert [row["order_id"] for row in waiting] == [7, 8]
    for row in waiting:
        assert (row["lease_token"], row["attempts"], row["resting"], row["in_doubt"]) == (None, 0, None, False)

    settings["providers"]["other"] = dict(there)
    async with dispatching(settings):
        await provider.holds(7, version=3)
        await provider.holds(8, version=1)
    assert [entry["version"] for entry in await provider.log(7)] == [1, 3]
