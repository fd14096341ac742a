"""Every shell line in a page of this repository is run, in the order of the page, against a running system.

A page's ```sh blocks share one shell's variables, as they do for a person who copies them into a terminal. Lines that
run long, or need what is not on every machine, stand in blocks of their own: `ELSEWHERE` names each with the test that
runs it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from infra.command import System
from infra.tools import tool

from sendto_cli.home import Run

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "make up": "test_make_up.py",
    "make test": "test_make.py",
    "make test-large": "test_make.py",
    "make lint": "test_make.py",
    "make fmt": "test_make.py",
    "make bench": "test_make.py",
    "make faults": "test_make.py",
    "docker compose --file deploy/compose.yaml up --detach": "../e2e/test_stack.py",
}
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TIMEOUT_S = 120


def _pages() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def _blocks(page: str) -> list[str]:
    return _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def _here(page: str) -> Iterator[str]:
    """The blocks that are run here."""
    for block in _blocks(page):
        lines = block.splitlines()
        if not any(line in ELSEWHERE for line in lines):
            yield block


def _where_it_is(block: str, run: Run) -> str:
    """The block with the addresses of the test's system in place of the default ones."""
    for default, actual in ((8080, run.api_url), (8081, run.dispatcher_url), (8082, run.sandbox_url)):
        block = block.replace(f"http://127.0.0.1:{default}", actual)
    return block


PAGES = [page for page in _pages() if list(_here(page))]


def test_the_first_page_has_shell_lines() -> None:
    assert len(_blocks("README.md")) > 1


@pytest.mark.parametrize("page", PAGES)
def test_every_line_runs(page: str, system: System, run: Run, tmp_path: Path) -> None:
    tool("kcat")
    (tmp_path / "state").touch()
    for name in (".venv", "deploy", "shared", "services", "Makefile"):  # a clone, in which lines may leave files
        (tmp_path / name).symlink_to(ROOT / name if name != ".venv" else Path(sys.prefix))
    env = {name: value for name, value in os.environ.items() if not name.startswith("SENDTO_")}
    env["SENDTO_HOME"] = str(system.home)
    for block in _here(page):
        script = f"set -aeuo pipefail\n. ./state\n{_where_it_is(block, run)}\nexport -p > state\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{page}:\n{block}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", _pages())
def test_a_line_that_is_run_elsewhere_stands_among_its_like(page: str) -> None:
    mixed = [
        block
        for block in _blocks(page)
        if len({line in ELSEWHERE for line in block.splitlines() if not line.startswith("#")}) > 1
    ]

    assert mixed == []


def test_what_runs_them_is_there_and_names_them() -> None:
    for line, name in ELSEWHERE.items():
        assert line in (Path(__file__).parent / name).resolve().read_text(encoding="utf-8"), (line, name)
