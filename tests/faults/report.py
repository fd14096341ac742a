"""The report of all runs: JSON that adds up, Markdown for people, a plot of the rate over time with the faults."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from faults.campaign import Result
from matplotlib import pyplot as plt

_FILE = "report.json"
_BUCKETS = 300
"""in which a plot counts, unless one is shorter than a second"""
_BROKEN = """A broken promise is what the checker found: state that is lost, stale or doubled, a process that ended by
itself, what was not right in time after a fault."""
_FIGURES = """What stays at full rate meanwhile, and what a death costs: [figures](figures/report.md), measured where
`make faults` runs as a whole."""
_SHOWN = 20
"""broken promises of one campaign that are told in words"""


def add_to_report(folder: Path, result: Result, began_s: float) -> None:
    """Add a campaign to the report in a folder, and write it anew."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = _runs(folder)
    plot = f"rate-{result.seed}-{int(began_s)}.svg"
    draw_rate(folder / plot, result)
    runs.append(
        {
            "seed": result.seed,
            "commit": _commit(),
            "began_s": began_s,
            "lasted_s": _lasted_s(result),
            "kills": len(result.killed_at_s),
            "writes": result.writes,
            "applied": len(result.applied_at_s),
            "faults": result.struck,
            "kinds": dict(Counter(window.kind for window in result.windows)),
            "windows": [[one.kind, one.begin_s, one.ready_s] for one in result.windows],
            "killed_at_s": result.killed_at_s,
            "violations": [asdict(violation) for violation in result.violations],
            "plot": plot,
        }
    )
    (folder / _FILE).write_text(json.dumps(runs, indent=1))
    (folder / "report.md").write_text(markdown(runs))


def kills(folder: Path) -> int:
    """How many the report in a folder knows of the present commit."""
    commit = _commit()
    return sum(run["kills"] for run in _runs(folder) if run["commit"] == commit)


def _runs(folder: Path) -> list[dict[str, Any]]:
    file = folder / _FILE
    runs: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    return runs


def _lasted_s(result: Result) -> float:
    times = [*result.applied_at_s, *(at for one in result.windows for at in (one.begin_s, one.ready_s))]
    return max(times) - min(times) if times else 0.0


def _commit() -> str:
    """The commit that was struck; empty where there is none."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip()


def markdown(runs: Sequence[dict[str, Any]]) -> str:
    """All runs, and their sum (pure)."""
    kinds: Counter[str] = Counter()
    for run in runs:
        kinds.update(run["kinds"])
    commits = {run["commit"]: [one for one in runs if one["commit"] == run["commit"]] for run in runs}
    lines = [
        "# Faults",
        "",
        f"{_sum(runs)}.",
        "",
        *_table(("fault", "times"), sorted(kinds.items())),
        "",
        *_table(("commit", "what"), [(commit, _sum(some)) for commit, some in commits.items()]),
        "",
        _BROKEN,
        "",
        _FIGURES,
    ]
    for run in runs:
        lines += ["", f"## Seed {run['seed']}", "", f"{_sum([run])}, within {run.get('lasted_s', 0):.0f} s.", ""]
        lines += [f"- {one['rule']}: {one['reference']} {one['detail']}" for one in run["violations"][:_SHOWN]]
        lines += [f"![rate]({run['plot']})"]
    return "\n".join(lines) + "\n"


def _sum(runs: Sequence[dict[str, Any]]) -> str:
    def all_in_all(count: Callable[[dict[str, Any]], int]) -> int:
        return sum(count(run) for run in runs)

    return (
        f"{len(runs)} campaign{'s' if len(runs) > 1 else ''}, {all_in_all(lambda run: run['kills'])} kills, "
        f"{all_in_all(lambda run: len(run['faults']))} faults, {all_in_all(lambda run: run['writes'])} writes, "
        f"{all_in_all(lambda run: len(run['violations']))} promises broken"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]


def draw_rate(path: Path, result: Result) -> None:
    """What providers applied per second over time; below it when what struck, and each kill as a line."""
    kinds = list(dict.fromkeys(window.kind for window in result.windows))
    marks = max(1, len(kinds))
    plot, (above, below) = plt.subplots(
        2, sharex=True, figsize=(11, 3.4 + 0.26 * marks), height_ratios=(2.6, 0.26 * marks), layout="constrained"
    )
    begin_s = min([*result.applied_at_s, *(window.begin_s for window in result.windows)], default=0.0)
    if result.applied_at_s:
        above.plot(*_rates([at - begin_s for at in result.applied_at_s]), linewidth=0.9)
    for at_s in result.killed_at_s:
        above.axvline(at_s - begin_s, ymax=0.06, color="tab:red", linewidth=0.7)
    above.set(title=_title(result), ylabel="applied a second", ylim=(0, None))
    above.grid(visible=True, alpha=0.3)
    for number, kind in enumerate(kinds):
        bars = [(one.begin_s - begin_s, one.ready_s - one.begin_s) for one in result.windows if one.kind == kind]
        below.broken_barh(bars, (number - 0.4, 0.8), color="tab:red", alpha=0.6)
    below.set_yticks(range(len(kinds)), kinds, fontsize=8)
    below.invert_yaxis()
    below.set(xlabel="seconds; a bar ends when all processes are ready again")
    below.grid(visible=True, alpha=0.3)
    plot.savefig(path)
    plt.close(plot)


def _title(result: Result) -> str:
    kills = f", {len(result.killed_at_s)} kills (red lines)" if result.killed_at_s else ""
    broken = Counter(one.rule for one in result.violations)
    words = ", ".join(f"{number} {rule}" for rule, number in broken.items()) or "no promise broken"
    return f"Seed {result.seed}: {result.writes} writes{kills}, {words}"


def _rates(applied_at_s: Sequence[float]) -> tuple[list[float], list[float]]:
    """The middles of equal stretches of time, and how many a second were applied in each (pure)."""
    end_s = max(applied_at_s)
    width_s = max(1.0, end_s / _BUCKETS)
    counts = Counter(int(at_s / width_s) for at_s in applied_at_s)
    stretches = range(int(end_s / width_s) + 1)
    return [(number + 0.5) * width_s for number in stretches], [counts[number] / width_s for number in stretches]
