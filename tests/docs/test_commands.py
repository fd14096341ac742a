"""The README names every command."""

from collections.abc import Iterator
from pathlib import Path

import typer.main
from typer.core import TyperGroup

from sendto_cli.main import build

README = Path(__file__).parents[2] / "README.md"


def _commands(group: TyperGroup, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_every_command_is_in_the_table() -> None:
    root = typer.main.get_command(build())
    assert isinstance(root, TyperGroup)
    rows = "\n".join(line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `sendto"))

    assert [name for name in _commands(root, "sendto") if f"`{name}`" not in rows] == []
