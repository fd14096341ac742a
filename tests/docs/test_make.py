"""The targets that pages name are there, and the check of every change runs the README's test command."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ["make test", "make test-large", "make lint", "make fmt", "make bench", "make faults", "make pictures"]


@pytest.mark.parametrize("line", TARGETS)
def test_the_target_is_there_and_listed(line: str) -> None:
    would_run = subprocess.run([*line.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ".venv/bin/" in would_run.stdout
    assert line.removeprefix("make ") in [shown.split()[0] for shown in listed.stdout.splitlines()]


def test_the_check_of_a_change_is_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert script[-1].endswith("exec make test")
