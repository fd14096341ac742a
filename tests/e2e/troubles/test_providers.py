"""Each trouble of a provider or an event is named rightly: by verdict, console, readiness and alert, end to end."""

import re

import pytest
from e2e.troubles.cases import ORDERS, QUIET, Case
from e2e.troubles.making import until
from e2e.troubles.stage import Stage
from e2e.troubles.telling import alerts, is_shown, names, note, sentences

pytestmark = pytest.mark.xdist_group("troubles")


@pytest.mark.parametrize("case", ORDERS, ids=[case.title for case in ORDERS])
async def test_a_trouble_of_a_provider_or_an_event_is_named(troubled: Stage, case: Case) -> None:
    async def named() -> bool:
        told, verdict = await troubled.told(), await troubled.verdict(case.order_id)
        found_names, found_alerts = names(told, case.provider), alerts(told, case.provider)
        troubled.last = f"{verdict!r} {found_names} {found_alerts} {told.ready}"
        exact = case.provider is None
        names_right = found_names >= set(case.console) if exact else found_names == set(case.console)
        alerts_right = found_alerts >= set(case.alerts) if exact else found_alerts == set(case.alerts)
        said = sentences(told, case.console, case.provider)
        shown = is_shown(told, said)
        if not (re.search(case.verdict, verdict) and names_right and alerts_right and shown and not told.ready):
            return False
        note(case.title, verdict, " ".join(said) or "-", "ready", ", ".join(sorted(case.alerts)) or "-")
        return True

    try:
        await until(named)
    except AssertionError as late:
        raise AssertionError(f"{case}: last told {troubled.last}") from late


async def test_nothing_is_told_of_providers_that_are_well(troubled: Stage) -> None:
    async def quiet() -> bool:
        told = await troubled.told()
        of_quiet = [one for one in (*told.troubles, *told.alerts) if one.get("provider") in QUIET]
        troubled.last = str(of_quiet)
        return not of_quiet

    try:
        await until(quiet)
    except AssertionError as late:
        raise AssertionError(f"last told {troubled.last}") from late


async def test_alerts_say_in_their_summaries_of_whom_they_tell(troubled: Stage) -> None:
    told = await troubled.told()
    of_providers = [one for one in told.alerts if "provider" in one]
    assert of_providers
    assert all(one["provider"] in one["summary"] for one in of_providers)
    assert not [one for one in told.alerts if "{{" in one["summary"] + one["trouble"]]
