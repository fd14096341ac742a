"""The report of all runs: JSON that adds up, Markdown for people, a plot of the rate over time with the faults."""

import json
import subprocess
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faults.campaign import Result
from faults.checking.records import Window

_WIDTH, _HEIGHT, _MARGIN = 1_000, 240, 30
_BUCKETS = 200


def add_to_report(folder: Path, result: Result, began_s: float) -> None:
    """Add a campaign to the report in a folder, and write it anew."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "report.json"
    runs: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    plot = f"rate-{result.seed}-{int(began_s)}.svg"
    (folder / plot).write_text(rate_svg(result.applied_at_s, result.windows))
    runs.append(
        {
            "seed": result.seed,
            "commit": _commit(),
            "began_s": began_s,
            "kills": result.kills,
            "writes": result.writes,
            "faults": result.struck,
            "kinds": dict(Counter(window.kind for window in result.windows)),
            "violations": [asdict(violation) for violation in result.violations],
            "plot": plot,
        }
    )
    file.write_text(json.dumps(runs, indent=1))
    (folder / "report.md").write_text(markdown(runs))


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


def markdown(runs: list[dict[str, Any]]) -> str:
    """All runs, and their sum (pure)."""
    kinds: Counter[str] = Counter()
    for run in runs:
        kinds.update(run["kinds"])
    kills, writes = sum(run["kills"] for run in runs), sum(run["writes"] for run in runs)
    broken = sum(len(run["violations"]) for run in runs)
    lines = [
        "# Faults",
        "",
        f"{len(runs)} campaigns, {kills} kills, {kinds.total()} faults, {writes} writes, {broken} promises broken.",
        "",
        "| fault | times |",
        "|---|---|",
        *(f"| {kind} | {number} |" for kind, number in sorted(kinds.items())),
        "",
        "| seed | commit | kills | faults | writes | broken | rate |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(run) for run in runs]
    return "\n".join(lines) + "\n"


def _row(run: dict[str, Any]) -> str:
    cells = (
        run["seed"],
        run.get("commit", ""),
        run["kills"],
        len(run["faults"]),
        run["writes"],
        len(run["violations"]),
    )
    return f"| {' | '.join(map(str, cells))} | ![rate]({run['plot']}) |"


def rate_svg(applied_at_s: list[float], windows: list[Window]) -> str:
    """What providers applied per second, over time; each fault is a bar behind it (pure)."""
    if not applied_at_s:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"/>\n'
    begin, end = min(applied_at_s), max(applied_at_s) + 1e-6
    width_s = (end - begin) / _BUCKETS
    counts = Counter(int((at_s - begin) / width_s) for at_s in applied_at_s)
    rates = [counts[number] / width_s for number in range(_BUCKETS)]
    highest = max(rates)

    def x(at_s: float) -> float:
        return _MARGIN + (min(max(at_s, begin), end) - begin) / (end - begin) * (_WIDTH - 2 * _MARGIN)

    def y(rate: float) -> float:
        return _HEIGHT - _MARGIN - rate / highest * (_HEIGHT - 2 * _MARGIN)

    bars = [
        f'<rect x="{x(one.begin_s):.1f}" y="{_MARGIN}" width="{max(1.0, x(one.ready_s) - x(one.begin_s)):.1f}" '
        f'height="{_HEIGHT - 2 * _MARGIN}" fill="#f4c7c3"><title>{one.kind}</title></rect>'
        for one in windows
    ]
    points = " ".join(f"{x(begin + (n + 0.5) * width_s):.1f},{y(rate):.1f}" for n, rate in enumerate(rates))
    legend = f"applied a second, at most {highest:.0f}; {end - begin:.0f} s; faults in red"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif">',
            *bars,
            f'<polyline points="{points}" fill="none" stroke="#1a56a0"/>',
            f'<text x="{_MARGIN}" y="20" font-size="12">{legend}</text>',
            "</svg>\n",
        ]
    )
