"""How long things may wait must fit together; settings that do not are refused at the start."""

from typing import Any

import pytest
from pydantic import ValidationError

from sendto_dispatcher.settings import DispatcherSection


def _section(**settings: Any) -> DispatcherSection:
    return DispatcherSection.model_validate({"database_url": "postgresql://nowhere/dispatch"} | settings)


def test_the_defaults_fit() -> None:
    section = _section()

    assert section.ops_statement_timeout_s < section.statement_timeout_s


def test_looking_may_not_take_longer_than_delivering() -> None:
    with pytest.raises(ValidationError, match="ops_statement_timeout_s is greater"):
        _section(ops_statement_timeout_s=31)


@pytest.mark.parametrize(("connect_s", "statement_s", "fits"), [(5, 20, True), (5, 25, False), (11, 20, False)])
def test_rule_10_a_batch_that_waits_for_the_database_may_not_cost_the_membership(
    connect_s: float, statement_s: float, fits: bool
) -> None:
    settings = {
        "connect_timeout_s": connect_s,
        "statement_timeout_s": statement_s,
        "intake": {"max_poll_interval_s": 30},
    }
    if fits:
        _section(**settings)
        return
    with pytest.raises(ValidationError, match="max_poll_interval_s is 30"):
        _section(**settings)


def test_rule_16_a_lease_outlasts_its_attempt() -> None:
    with pytest.raises(ValidationError, match="lease_margin_s"):
        _section(engine={"lease_margin_s": 0.1})
