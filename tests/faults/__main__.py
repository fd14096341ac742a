"""Strikes a system with faults drawn from a seed, for as long as it is told, and says what broke."""

import argparse
import asyncio
import math
import random
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import count, repeat
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a module of the clone, outside pytest

from faults.campaign import Load, Result, battlefield, fight, told
from faults.kinds.unwell import SAVED_WITHIN_S
from faults.report import add_to_report, kills
from faults.rig.configuration import ProviderShape, Shape
from faults.rig.surroundings import lacks
from faults.schedule import KINDS, draw, draw_each, needed, pauses, shape_of

_LOOKUP = ProviderShape(name="lookup", mode="lookup", lookup_lag_s=SAVED_WITHIN_S + 0.5)
SHAPES: dict[str, tuple[Shape, Load, float]] = {
    "usual": (
        Shape(apis=2, providers=(ProviderShape(name="upsert"), _LOOKUP)),
        Load(api_orders=150, upstream_orders=150),
        30.0,
    ),
    "limited": (
        Shape(apis=2, providers=(ProviderShape(name="limited", rate="5/s", limit_per_s=5),)),
        Load(api_orders=250, upstream_orders=250),
        # All of them, one after another, and then as much as is allowed elsewhere.
        500 / 5 + 30.0,
    ),
}
"""by name: the system, who writes, and within how many seconds after a fault all must be right"""
_KILLING = frozenset({"moments", "places"})
WHOLE = (
    "--each --quiet 35",
    "--shape limited --kinds moments unwell",
    "--shape usual",
    "--shape usual --dispatchers 2",
    "--shape usual --kinds moments places --kills 1000",
)
"""what is done unless something is chosen: each kind, its end judged; few requests a second; all as drawn, by three
dispatchers and by two; deaths"""


async def _campaign(folder: Path, seed: int, chosen: argparse.Namespace) -> Result:
    shape, load, right_within_s = SHAPES[chosen.shape or shape_of(seed)]
    async with battlefield(folder, replace(shape, dispatchers=chosen.dispatchers), needed(chosen.kinds)) as field:
        return await fight(
            field,
            (draw_each if chosen.each else draw)(seed, frozenset(chosen.kinds)),
            seed=seed,
            load=load.slower(chosen.pause),
            for_s=math.inf if chosen.each else chosen.seconds,
            pauses_s=pauses(seed) if chosen.quiet is None else repeat(chosen.quiet),
            patience_s=180.0 + right_within_s,
            right_within_s=right_within_s,
        )


def refuse_what_cannot_be(kinds: Collection[str]) -> None:
    """Nothing is left out silently: say what is missing for which kinds, and end."""
    missing = [
        f"{kind} needs {' and '.join(lacking)}"
        for kind in kinds
        if (lacking := [one for need in sorted(needed([kind])) for one in lacks(need)])
    ]
    if missing:
        sys.exit("; ".join(missing) + " (make tools installs programs; else choose --kinds)")


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--seed", type=int, help="of the first campaign; a run that failed is repeated by it")
    options.add_argument("--seconds", type=float, default=300, help="that one campaign lasts")
    options.add_argument("--campaigns", type=int, default=1, help="how many, each with the next seed")
    options.add_argument(
        "--kills", type=int, default=0, help="more of them until the report has so many of this commit"
    )
    options.add_argument("--each", action="store_true", help="one fault of each kind, however long it takes")
    options.add_argument("--dispatchers", type=int, default=3)
    options.add_argument("--quiet", type=float, help="seconds between faults; else drawn: mostly 1, sometimes 35")
    options.add_argument("--pause", type=float, default=1.0, help="how many times as long writers pause as usual")
    options.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))
    options.add_argument(
        "--shape",
        choices=sorted(SHAPES),
        help="limited: 500 orders, a provider that takes 5/s; else usual, and limited for one seed in six",
    )
    options.add_argument("--report", type=Path, default=Path("build/faults"), help="the folder of the report")
    return options


def choices(words: Sequence[str]) -> list[argparse.Namespace]:
    """What was chosen; nothing: the whole."""
    options = _options()
    chosen = [options.parse_args(line) for line in ([words] if words else [line.split() for line in WHOLE])]
    if any(one.kills and _KILLING.isdisjoint(one.kinds) for one in chosen):
        options.error(f"--kills needs one of --kinds {' '.join(sorted(_KILLING))}")
    return chosen


def _seeds(chosen: argparse.Namespace) -> Iterator[int]:
    first = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1_000_000)
    for number in count():
        if number >= chosen.campaigns and kills(chosen.report) >= chosen.kills:
            return
        yield first + number


def _strike(chosen: argparse.Namespace) -> int:
    """Run campaigns as chosen; how many promises were broken."""
    broken = 0
    for seed in _seeds(chosen):
        sys.stdout.write(f"seed {seed}\n")
        sys.stdout.flush()
        folder = Path(tempfile.mkdtemp(prefix=f"sendto-faults-{seed}-"))
        began_s = time.time()
        result = asyncio.run(_campaign(folder, seed, chosen))
        broken += len(result.violations)
        add_to_report(chosen.report, result, began_s)
        sys.stdout.write(
            f"{len(result.killed_at_s)} kills, {len(result.struck)} faults, {result.writes} writes, "
            f"{len(result.violations)} promises broken; logs in {folder}\n{told(result.violations)}\n"
        )
        sys.stdout.flush()
    return broken


def main() -> int:
    """Strike; 1 if a promise was broken."""
    chosen = choices(sys.argv[1:])
    refuse_what_cannot_be(sorted({kind for one in chosen for kind in one.kinds}))
    return 1 if sum(_strike(one) for one in chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
