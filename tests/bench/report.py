"""The report: JSON for machines, Markdown and plots for people."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt

from bench.figures import Curve, Measured


def write(folder: Path, measured: Mapping[str, Measured]) -> None:
    """Write `figures.json`, `curves.json`, `report.md` and a plot for each curve."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {name: [asdict(figure) for figure in one.figures] for name, one in measured.items()}
    (folder / "figures.json").write_text(json.dumps(figures, indent=2))
    curves = {name: [asdict(curve) for curve in one.curves] for name, one in measured.items() if one.curves}
    (folder / "curves.json").write_text(json.dumps(curves, indent=2))
    lines = ["# What sendto does on this machine", ""]
    for name, one in measured.items():
        lines += [f"## {name}", "", *_table(one), ""]
        for number, curve in enumerate(one.curves):
            picture = f"{name}-{number}.svg"
            _draw(folder / picture, curve)
            lines += [f"![{curve.title}]({picture})", "", *([curve.told, ""] if curve.told else [])]
    (folder / "report.md").write_text("\n".join(lines))


def _table(measured: Measured) -> list[str]:
    rows = ["| what | measured | limit in the same run | ratio | wanted | |", "|---|---|---|---|---|---|"]
    for figure in measured.figures:
        limit = "" if figure.limit is None else f"{figure.limit:,.4g} {figure.unit}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        mark = "yes" if figure.reached else "**no**"
        rows.append(
            f"| {figure.name} | {figure.value:,.4g} {figure.unit} | {limit} | {ratio} | {figure.wanted} | {mark} |"
        )
    return rows


def _draw(path: Path, curve: Curve) -> None:
    plot, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, points in curve.lines.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker=".", label=name)
    if curve.logarithmic:
        axes.set_xscale("log")
    axes.set(title=curve.title, xlabel=curve.x, ylabel=curve.y, ylim=(0, None))
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    plot.savefig(path)
    plt.close(plot)
