"""The alert rules: each fires when it should and not when it should not, names its trouble, and says what to do.

Prometheus's own `promtool` evaluates them over series that are written below in its notation: `0+15x40` grows by 15
with each of 40 samples, which are 15 seconds apart.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main
import yaml
from infra.tools import tool
from typer.core import TyperGroup
from unit.dispatcher.test_troubles import TOLD

from sendto_cli.main import build

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
RUNBOOK = (DEPLOY / "runbooks" / "alerts.md").read_text(encoding="utf-8")
WITHOUT_SENTENCE = {"intake_stalled"}
"""what one look cannot tell, so the console does not name it"""
A, B = 'job="sendto-dispatcher",instance="a"', 'job="sendto-dispatcher",instance="b"'


class Case(NamedTuple):
    """Series, and how many alerts of the name fire after so many minutes."""

    alert: str
    firing: int
    after_min: int
    series: dict[str, str]


def _both(name: str, labels: str, values: str) -> dict[str, str]:
    """What two processes tell of the fleet: the same."""
    return {f"{name}{{{A},{labels}}}": values, f"{name}{{{B},{labels}}}": values}


def _gate(by: str, values: str = "1x200") -> dict[str, str]:
    others = {
        key: "0x200"
        for other in ("pause", "hold", "breaker", "wait")
        if other != by
        for key in _both("sendto_provider_stopped", f'provider="acme",by="{other}"', "0x200")
    }
    return _both("sendto_provider_stopped", f'provider="acme",by="{by}"', values) | others


def _lanes(state: str, values: str) -> dict[str, str]:
    return _both("sendto_lanes", f'provider="acme",state="{state}"', values)


def _due(seconds: str) -> dict[str, str]:
    return _both("sendto_lane_oldest_due_seconds", 'provider="acme"', seconds)


def _left(values: str) -> dict[str, str]:
    return _both("sendto_provider_rate_limit_left", 'provider="acme"', values)


def _attempts(outcome: str, values: str) -> dict[str, str]:
    return {f'sendto_attempts_total{{{A},provider="acme",operation="create",outcome="{outcome}"}}': values}


def _under_way(calls: str) -> dict[str, str]:
    return {f'sendto_attempts_in_flight{{{A},provider="acme"}}': calls}


def _unserved(why: str) -> dict[str, str]:
    return {f'sendto_provider_unserved{{{A},provider="acme",why="{why}"}}': "1x200"}


def _slow(seconds: str) -> dict[str, str]:
    buckets = {"1": seconds, "10": "0+15x200", "+Inf": "0+15x200"}
    shown = {f'sendto_attempt_duration_seconds_bucket{{{A},provider="acme",le="{le}"}}': v for le, v in buckets.items()}
    return shown | _both("sendto_provider_timeout_seconds", 'provider="acme"', "10x200")


def _incident(name: str, at: str) -> dict[str, str]:
    return {f'sendto_intake_incident_timestamp_seconds{{{A},incident="{name}"}}': at}


EVENTS = f'sendto_intake_events_total{{{A},verdict="counted"}}'
HASH_A, HASH_B = f"sendto_configuration_hash{{{A}}}", f"sendto_configuration_hash{{{B}}}"
READY = f'sendto_ready{{{A},check="intake"}}'
STALE = f'sendto_intake_events_total{{{A},verdict="stale"}}'
REJECTED = f'sendto_intake_rejected_total{{{A},reason="key_missing"}}'
LAG_A, LAG_B = f'sendto_intake_lag_records{{{A},partition="0"}}', f'sendto_intake_lag_records{{{B},partition="1"}}'
LONG_AGO = "-9000x200"
"""a time: as the test's clock begins at 0, more than an hour before anything"""

CASES = [
    Case("SendtoProcessDown", 1, 3, {f"up{{{A}}}": "1 1 0x200", f"up{{{B}}}": "1x200"}),
    Case("SendtoProcessDown", 0, 3, {f"up{{{A}}}": "1 0 1x200", 'up{job="other"}': "0x200"}),
    Case("SendtoProcessSilent", 1, 3, _both("sendto_dispatcher_processes", 'state="silent"', "1x200")),
    Case("SendtoProcessSilent", 0, 3, _both("sendto_dispatcher_processes", 'state="silent"', "0x200")),
    Case("SendtoNotReady", 1, 3, {READY: "0x200", READY.replace("intake", "x"): "1x200"}),
    Case("SendtoNotReady", 0, 3, {READY: "1 0 0 1x200"}),
    Case("SendtoConfigurationRefused", 1, 3, {f"sendto_configuration_refused{{{A}}}": "1x200"}),
    Case("SendtoConfigurationRefused", 0, 3, {f"sendto_configuration_refused{{{A}}}": "0x200"}),
    Case("SendtoConfigurationDiffers", 1, 7, {HASH_A: "7x200", HASH_B: "8x200"}),
    Case("SendtoConfigurationDiffers", 0, 7, {HASH_A: "7x200", HASH_B: "8 8 7x200"}),
    Case("SendtoRelayAway", 1, 3, {f"up{{{A}}}": "1x200"}),
    Case("SendtoRelayAway", 1, 3, {f"sendto_relay_leads{{{A}}}": "0x200", f"sendto_relay_leads{{{B}}}": "0x200"}),
    Case("SendtoRelayAway", 0, 3, {f"sendto_relay_leads{{{A}}}": "1x200", f"sendto_relay_leads{{{B}}}": "0x200"}),
    Case("SendtoOutboxGrowing", 1, 7, {'sendto_outbox_oldest_seconds{job="sendto-api"}': "0+15x200"}),
    Case("SendtoOutboxGrowing", 0, 7, {'sendto_outbox_oldest_seconds{job="sendto-api"}': "0 40 80 0 40 80 0x200"}),
    Case("SendtoIntakeStalled", 1, 12, {LAG_A: "0x4 9x200", EVENTS: "0+9x4 36x200", REJECTED: "0x200"}),
    Case("SendtoIntakeStalled", 0, 12, {LAG_A: "9x200", EVENTS: "0+9x200", REJECTED: "0x200"}),
    Case("SendtoIntakeStalled", 0, 12, {LAG_A: "9x200", EVENTS: "0x200", REJECTED: "0+1x200"}),
    Case("SendtoIntakeLagging", 1, 7, {LAG_A: "600x200", LAG_B: "600x200"}),
    Case("SendtoIntakeLagging", 0, 7, {LAG_A: "600x200", LAG_B: "300x200"}),
    Case("SendtoDatabaseBehind", 1, 3, _incident("database_behind", "0 0 30x200")),
    Case("SendtoDatabaseBehind", 0, 3, _incident("database_behind", LONG_AGO)),
    Case("SendtoIntakeGap", 1, 3, _incident("gap", "0 0 30x200")),
    Case("SendtoIntakeGap", 0, 3, _incident("gap", LONG_AGO)),
    Case("SendtoPositionReset", 1, 3, _incident("position_reset", "0 0 30x200")),
    Case("SendtoPositionReset", 0, 3, _incident("position_reset", LONG_AGO)),
    Case("SendtoEventsRejected", 1, 3, {REJECTED: "0 0 1x200"}),
    Case("SendtoEventsRejected", 0, 3, {REJECTED: "7x200"}),
    Case("SendtoOrdersUnrouted", 1, 3, {f"sendto_intake_unrouted_total{{{A}}}": "0 0 1x200"}),
    Case("SendtoOrdersUnrouted", 0, 3, {f"sendto_intake_unrouted_total{{{A}}}": "7x200"}),
    Case("SendtoEventsStale", 1, 5, {STALE: "0 0 12x200"}),
    Case("SendtoEventsStale", 0, 5, {STALE: "0 0 3x200"}),
    Case("SendtoChangesUnapplied", 1, 20, _both("sendto_lane_oldest_unapplied_seconds", 'provider="acme"', "0+15x200")),
    Case("SendtoChangesUnapplied", 0, 20, _both("sendto_lane_oldest_unapplied_seconds", 'provider="acme"', "100x200")),
    Case("SendtoProviderPaused", 1, 17, _gate("pause")),
    Case("SendtoProviderPaused", 0, 14, _gate("pause")),
    Case("SendtoProviderPaused", 0, 17, _gate("breaker")),
    Case("SendtoProviderHeld", 1, 3, _gate("hold")),
    Case("SendtoProviderHeld", 0, 17, _gate("pause")),
    Case("SendtoProviderDown", 1, 3, _gate("breaker")),
    Case("SendtoProviderDown", 0, 17, _gate("hold")),
    Case("SendtoProviderAsksToWait", 1, 7, _gate("wait")),
    Case("SendtoProviderAsksToWait", 0, 7, _gate("wait", "1 1 0 1 0 0 1 0x200")),
    Case("SendtoProviderFailing", 1, 7, _attempts("transient", "0+6x200") | _attempts("applied", "0+5x200")),
    Case("SendtoProviderFailing", 0, 7, _attempts("transient", "0+4x200") | _attempts("applied", "0+5x200")),
    Case("SendtoProviderFailing", 0, 7, _attempts("transient", "0x12 1x200")),
    Case("SendtoProviderFailing", 0, 7, _attempts("transient", "0+6x200") | _gate("breaker")),
    Case("SendtoProviderSlow", 1, 7, _slow("0+1x200")),
    Case("SendtoProviderSlow", 0, 7, _slow("0+15x200")),
    Case("SendtoProviderSlow", 0, 7, _slow("0+1x200") | _gate("breaker")),
    Case("SendtoRateLimitExhausted", 1, 7, _due("99x200") | _left("-0.5x200")),
    Case("SendtoRateLimitExhausted", 0, 7, _due("99x200") | _left("5x200")),
    Case("SendtoRateLimitExhausted", 0, 7, _due("2x200") | _left("-0.5x200")),
    Case("SendtoNoAttempts", 1, 6, _due("99x200") | _attempts("applied", "7x200")),
    Case("SendtoNoAttempts", 1, 6, _due("99x200")),
    Case("SendtoNoAttempts", 0, 6, _due("99x200") | _attempts("applied", "0+1x200")),
    Case("SendtoNoAttempts", 0, 6, _due("99x200") | _under_way("3x200")),
    Case("SendtoNoAttempts", 0, 6, _due("99x200") | _gate("pause")),
    Case("SendtoNoAttempts", 0, 6, _due("99x200") | _left("-0.5x200")),
    Case("SendtoProviderBehind", 1, 14, _due("99x200") | _attempts("applied", "0+1x200")),
    Case("SendtoProviderBehind", 0, 14, _due("99x200") | _attempts("applied", "0+1x200") | _left("-0.5x200")),
    Case("SendtoProviderBehind", 1, 14, _due("99x200") | _under_way("3x200")),
    Case("SendtoProviderBehind", 0, 14, _due("9x200") | _attempts("applied", "0+1x200")),
    Case("SendtoProviderNotConfigured", 1, 7, _lanes("parked", "3x200")),
    Case("SendtoProviderNotConfigured", 0, 7, _lanes("parked", "0x200")),
    Case("SendtoProviderNotConfigured", 0, 7, _lanes("parked", "3x200") | _unserved("disabled")),
    Case("SendtoProviderDisabled", 1, 7, _lanes("parked", "3x200") | _unserved("disabled")),
    Case("SendtoProviderDisabled", 0, 7, _lanes("parked", "0x200") | _unserved("disabled")),
    Case("SendtoProviderBroken", 1, 7, _unserved("broken")),
    Case("SendtoProviderBroken", 0, 7, _unserved("disabled")),
    Case("SendtoLanesDead", 1, 7, _lanes("dead", "3 3 3 4x200")),
    Case("SendtoLanesDead", 0, 7, _lanes("dead", "3x200")),
    Case("SendtoLanesDead", 0, 45, _lanes("dead", "3 3 3 4x200")),
    Case("SendtoLanesUnknown", 1, 7, _lanes("unknown", "1x200")),
    Case("SendtoLanesUnknown", 0, 7, _lanes("unknown", "0x200")),
    Case("SendtoLanesTaken", 1, 7, _lanes("taken", "1x200")),
    Case("SendtoLanesTaken", 0, 7, _lanes("taken", "0x200")),
]  # fmt: skip


def _test(case: Case) -> dict[str, Any]:
    name = {"alertname": case.alert, "alertstate": "firing"}
    selector = ",".join(f'{label}="{value}"' for label, value in name.items())
    return {
        "name": f"{case.alert} {case.firing} after {case.after_min} min",
        "interval": "15s",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f"count(ALERTS{{{selector}}})",
                "eval_time": f"{case.after_min}m",
                "exp_samples": [{"labels": "{}", "value": case.firing}] if case.firing else [],
            }
        ],
    }


def test_each_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    tests = {"rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")], "evaluation_interval": "15s"}
    file = tmp_path / "alerts_test.yml"
    file.write_text(json.dumps(tests | {"tests": [_test(case) for case in CASES]}), encoding="utf-8")

    done = subprocess.run([tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_is_wrong_is_found(tmp_path: Path) -> None:
    wrong = [_test(case._replace(firing=0 if case.firing else 1)) for case in CASES[:4]]
    tests = {"rule_files": [str(DEPLOY / "prometheus" / "alerts.yml")], "evaluation_interval": "15s", "tests": wrong}
    file = tmp_path / "alerts_test.yml"
    file.write_text(json.dumps(tests), encoding="utf-8")

    done = subprocess.run([tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("expr: ") == len(wrong)


@pytest.mark.parametrize("alert", RULES)
def test_each_has_a_case_that_fires_and_one_that_does_not(alert: str) -> None:
    assert {bool(case.firing) for case in CASES if case.alert == alert} == {True, False}


@pytest.mark.parametrize("alert", RULES)
def test_each_leads_to_its_section_of_the_runbook(alert: str) -> None:
    assert RULES[alert]["annotations"]["runbook"] == f"deploy/runbooks/alerts.md#{alert.lower()}"
    [section] = re.findall(rf"^## {alert}\n((?:(?!## ).*\n)+)", RUNBOOK, re.MULTILINE)
    assert len(section.split()) > 15


def test_the_runbook_has_no_section_of_an_alert_that_is_not_there() -> None:
    assert set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == RULES.keys()


def test_every_trouble_of_the_console_has_an_alert_of_its_name_and_the_other_way_round() -> None:
    templated = re.compile(r"\{\{.*?\}\}")
    named = {re.compile(templated.sub(r"\\w+", rule["labels"]["trouble"])) for rule in RULES.values()}
    console = {name for _, name, _ in TOLD}

    assert [name for name in console if not any(pattern.fullmatch(name) for pattern in named)] == []
    alone = [p.pattern for p in named if p.pattern not in WITHOUT_SENTENCE and not any(map(p.fullmatch, console))]
    assert alone == []


@pytest.mark.parametrize("alert", RULES)
def test_what_every_process_tells_of_the_fleet_is_never_summed(alert: str) -> None:
    assert summed(RULES[alert]["expr"]) == []


def summed(expression: str) -> list[str]:
    """Gauges of the fleet that the expression takes other than by their largest or smallest value."""
    fleet = (
        r"sendto_(?:lanes|lane_\w+|provider_(?:stopped|rate_limit_\w+|timeout_seconds)|dispatcher_processes"
        r"|outbox_(?:depth|oldest_seconds))\b"
    )
    taken = rf"(?:max|min)(?: by \([\w, ]+\))? ?\((?:min_over_time\()?{fleet}"
    return re.findall(fleet, re.sub(taken, "", expression))


def test_a_sum_over_the_fleet_is_found() -> None:
    assert summed("sum(sendto_lanes) > 0 and max by (provider) (sendto_lane_oldest_due_seconds) > 1") == [
        "sendto_lanes"
    ]


def test_the_commands_in_the_runbook_are_ours() -> None:
    commands = typer.main.get_command(build())
    for line in re.findall(r"`sendto ([^`]+)`", RUNBOOK):
        group: Any = commands
        words = line.split()
        while isinstance(group, TyperGroup) and words and words[0] in group.commands:
            group = group.commands[words.pop(0)]
        whole = not isinstance(group, TyperGroup) or group.invoke_without_command
        assert whole, f"`sendto {line}` is not a whole command"
        options = {option for parameter in group.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
        needed = [parameter for parameter in group.params if parameter.required]
        named = [parameter for parameter in needed if parameter.param_type_name == "option"]
        assert all(set(parameter.opts) & set(words) for parameter in named), f"`sendto {line}` lacks an option"
        assert len(needed) - len(named) <= len(_values(group, words)), f"`sendto {line}` lacks an argument"


def _values(command: Any, words: list[str]) -> list[str]:
    """What stands in a command's line beside its options and their values."""
    flags = {
        option for parameter in command.params if getattr(parameter, "is_flag", False) for option in parameter.opts
    }
    before = ["", *words]
    return [
        word
        for previous, word in zip(before, words, strict=False)
        if not word.startswith("--") and (not previous.startswith("--") or previous in flags)
    ]


def test_prometheus_takes_the_configuration() -> None:
    promtool = tool("promtool")
    for kind, file in (("config", "prometheus.yml"), ("rules", "alerts.yml")):
        done = subprocess.run(
            [promtool, "check", kind, file], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
