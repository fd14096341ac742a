"""Every query of every dashboard, and every metric of the rules, is answered by what a running system tells."""

import math
import re

import pytest
import yaml
from e2e.troubles.making import until
from e2e.troubles.stage import Stage
from infra.bodies import customer, order
from infra.dashboards import BOARDS, QUERIES
from infra.prometheus import RULES

pytestmark = [pytest.mark.large, pytest.mark.xdist_group("troubles")]
VARIABLES = {"$__rate_interval": "5m", "$provider": "slow"}
"""a provider with a rate limit, at which something goes on"""


async def test_no_panel_is_empty(troubled: Stage) -> None:
    made = await troubled.api("POST", "/v3/orders", order(customer=customer()))
    assert made.status == 201

    async def answered() -> bool:
        changed = await troubled.api("PATCH", f"/v3/orders/{made.json['order_id']}", {"comment": str(troubled.round)})
        assert changed.status == 200
        empty = [query for query in QUERIES if not await _samples(troubled, query.expression)]
        troubled.last = str(empty)
        return not empty

    try:
        await until(answered)
    except AssertionError as late:
        raise AssertionError(f"empty: {troubled.last}") from late


async def _samples(troubled: Stage, expression: str) -> list[float]:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    found = [float(one["value"][1]) for one in await troubled.prometheus.query(expression)]
    return [value for value in found if not math.isnan(value)]


async def test_every_metric_that_a_rule_or_a_panel_names_is_told_by_a_running_process(troubled: Stage) -> None:
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    named = {name for one in (*rules, *(query.expression for query in QUERIES)) for name in metrics_in(one)}
    assert len(named) > 20

    async def told() -> bool:
        troubled.last = str(named - await troubled.prometheus.names())
        return troubled.last == "set()"

    try:
        await until(told)
    except AssertionError as late:
        raise AssertionError(f"not told: {troubled.last}") from late


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:sendto|process)_\w+|\bup\b", re.sub(r'"[^"]*"', "", expression)))


def test_metrics_are_found_in_an_expression() -> None:
    assert metrics_in('up{job="sendto-api"} == 0 or sendto_ready') == {"up", "sendto_ready"}


async def test_the_variable_of_the_provider_board_finds_providers(troubled: Stage) -> None:
    [variable] = BOARDS["provider"]["templating"]["list"]
    assert variable["definition"] == "label_values(sendto_lanes, provider)"
    found = {one["metric"]["provider"] for one in await troubled.prometheus.query("sendto_lanes")}
    assert "slow" in found
