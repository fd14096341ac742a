"""The harness itself: the same seed draws the same faults, and the report adds up over runs."""

import json
from itertools import islice
from pathlib import Path

import pytest
from faults import report
from faults.__main__ import choices, refuse_what_cannot_be
from faults.campaign import Result
from faults.checking.records import Violation, Window
from faults.report import add_to_report, draw_rate, kills
from faults.rig import surroundings
from faults.rig.surroundings import Need
from faults.schedule import JUDGED_AFTER_S, KINDS, draw, draw_each, needed, pauses, shape_of


def _drawn(seed: int) -> list[str]:
    return [str(fault) for fault in islice(draw(seed), 200)]


def test_a_seed_draws_the_same_faults_each_time() -> None:
    assert _drawn(17) == _drawn(17)
    assert _drawn(17) != _drawn(18)


def test_some_ends_of_faults_are_judged_and_one_campaign_in_six_is_limited() -> None:
    some = list(islice(pauses(17), 100))
    assert some == list(islice(pauses(17), 100))
    assert 10 < some.count(JUDGED_AFTER_S) < 50
    for first in (0, 17, 2_000):
        assert [shape_of(seed) for seed in range(first, first + 6)].count("limited") == 1


def test_every_kind_is_drawn() -> None:
    kinds = {fault.kind for fault in islice(draw(1), 400)}

    assert len(kinds) == len(KINDS)


def test_each_kind_is_drawn_once_where_that_is_chosen() -> None:
    drawn = [str(fault) for fault in draw_each(5)]

    assert drawn == [str(fault) for fault in draw_each(5)]
    assert sorted(fault.kind for fault in draw_each(5)) == sorted(made.kind for _, made in KINDS.values())
    assert [fault.kind for fault in draw_each(5)] != [fault.kind for fault in draw_each(6)]


def test_without_a_choice_each_kind_strikes_and_is_judged_and_a_thousand_kills_are_made() -> None:
    whole = choices([])

    assert any(one.each and set(one.kinds) == set(KINDS) and one.quiet == JUDGED_AFTER_S for one in whole)
    assert any(one.kills == 1_000 for one in whole)
    assert any(one.shape == "limited" for one in whole)
    [chosen] = choices(["--seed", "17"])
    assert (chosen.seed, chosen.campaigns, chosen.each, chosen.kills) == (17, 1, False, 0)


def test_kills_cannot_be_counted_where_nothing_kills() -> None:
    with pytest.raises(SystemExit):
        choices(["--kinds", "unwell", "--kills", "10"])


def test_kinds_say_what_they_need() -> None:
    assert needed(["moments", "unwell"]) == set()
    assert needed(["moments", "network", "clock", "postgres-clock"]) == {Need.NETWORK, Need.CLOCK}
    assert needed(KINDS) == set(Need)


def test_what_the_machine_lacks_ends_the_run_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "library", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(SystemExit) as ended:
        refuse_what_cannot_be(["moments", "clock", "disk"])

    assert "moments" not in str(ended.value)
    assert "clock needs Debian's package faketime" in str(ended.value)
    assert "disk needs root's rights" in str(ended.value)
    refuse_what_cannot_be(["moments"])


def test_the_report_adds_up_over_runs(tmp_path: Path) -> None:
    window = Window(kind="kill", begin_s=1, ready_s=2)
    for seed in (1, 2):
        result = Result(seed=seed, windows=[window], struck=["kill"], writes=10, applied_at_s=[1.0, 2.0, 3.0])
        result.killed_at_s = [1.1, 1.2, 1.3]
        add_to_report(tmp_path, result, began_s=float(seed))
    assert kills(tmp_path) == 6
    broken = Result(seed=3, violations=[Violation("final", "7", "is missing")])
    add_to_report(tmp_path, broken, began_s=3.0)

    text = (tmp_path / "report.md").read_text()
    assert "3 campaigns, 6 kills, 2 faults, 20 writes, 1 promises broken." in text
    assert [run["seed"] for run in json.loads((tmp_path / "report.json").read_text())] == [1, 2, 3]
    assert text.count("promises broken") == 1 + 1 + 3, "of all, of the commit, and of each"
    assert "- final: 7 is missing" in text
    assert all((tmp_path / run["plot"]).exists() for run in json.loads((tmp_path / "report.json").read_text()))


def test_kills_of_another_commit_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kills(tmp_path) == 0
    add_to_report(tmp_path, Result(seed=1, killed_at_s=[1.0, 2.0]), began_s=1.0)
    assert kills(tmp_path) == 2

    monkeypatch.setattr(report, "_commit", lambda: "another")
    assert kills(tmp_path) == 0


def test_the_plot_has_the_rate_and_marks_faults_and_kills(tmp_path: Path) -> None:
    windows = [Window(kind="Kafka is killed", begin_s=2, ready_s=4), Window(kind="kill", begin_s=5, ready_s=6)]
    result = Result(seed=7, windows=windows, applied_at_s=[0.0, 1.0, 2.0, 10.0], killed_at_s=[5.2, 5.4])
    draw_rate(tmp_path / "rate.svg", result)
    plot = (tmp_path / "rate.svg").read_text()

    for word in (
        "Kafka is killed",
        "kill",
        "applied a second",
        "Seed 7: 0 writes, 2 kills (red lines), no promise broken",
    ):
        assert f"<!-- {word}" in plot
    draw_rate(tmp_path / "nothing.svg", Result(seed=8))
    assert "Seed 8" in (tmp_path / "nothing.svg").read_text()
