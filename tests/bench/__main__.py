"""Runs scenarios and writes the report.

Figures depend on the machine and on what else runs on it: compare ratios within one run. Nothing here fails a test.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a module of the clone, outside pytest

from infra.postgres import Databases
from infra.servers import OwnKafka, OwnPostgres

from bench import report
from bench.figures import Measured
from bench.machine import Machine
from bench.scenarios import LONG, SCENARIOS


async def _measure(machine: Machine, names: list[str], size: float, folder: Path) -> None:
    measured: dict[str, Measured] = {}
    for name in names:
        measured[name] = one = await SCENARIOS[name](machine, size)
        for figure in one.figures:
            ratio = "" if figure.ratio is None else f" = {figure.ratio:.2f} of {figure.limit:,.4g}"
            wanted = f" (wanted {figure.wanted})" if figure.wanted else ""
            sys.stdout.write(f"{name:14} {figure.name}: {figure.value:,.4g} {figure.unit}{ratio}{wanted}\n")
            sys.stdout.flush()
        report.write(folder, measured)


def main() -> None:
    """Measure, print, and write the report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}; none: all but the long ones")
    options.add_argument("--size", type=float, default=1.0, help="how much is done; 1 is what the figures stand for")
    options.add_argument("--out", type=Path, default=Path("build/bench"), help="where the report goes")
    chosen = options.parse_args()
    names = chosen.scenarios or [name for name in SCENARIOS if name not in LONG]
    logs = chosen.out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as name,
        OwnKafka(Path(name) / "kafka").running() as kafka,
        OwnPostgres(Path(name) / "postgres", durable=True).running() as postgres,
    ):
        machine = Machine(Databases(postgres.url("postgres")), kafka.bootstrap_servers, logs.resolve())
        uvloop.run(_measure(machine, names, chosen.size, chosen.out))


if __name__ == "__main__":
    main()
