"""What lists of the ops API have in common on the command line: listed, ended by number, followed to the end."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress

from sendto_cli import remote

_POLL_S = 0.3

Json = dict[str, Any]


def show(
    path: str, home: Path | None, told: Callable[[Json], str], *, as_json: bool, within: str | None = None
) -> None:
    """Print what the dispatcher lists at a path, a line each; `within` names the list in what else is told there."""

    async def ask() -> list[Json]:
        async with remote.dispatcher(home) as dispatcher:
            found = await dispatcher.get(path)
            listed: list[Json] = found[within] if within else found
            return listed

    rows = remote.run(ask())
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(told(row))
    if not rows:
        typer.echo("none", err=True)


def cancel(path: str, home: Path | None, told: Callable[[Json], str], *, as_json: bool) -> None:
    """End what lies at a path where it is, and print how far it came."""

    async def act() -> Json:
        async with remote.dispatcher(home) as dispatcher:
            ended: Json = await dispatcher.post(f"{path}/cancel")
            return ended

    row = remote.run(act())
    typer.echo(json.dumps(row, indent=2) if as_json else told(row))


async def follow(dispatcher: remote.Remote, path: str, run: Json, *, of: str, quiet: bool) -> Json:
    """Show how far what lies at a path is until it has ended; `of` names its field with the whole."""
    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as progress:
        bar = progress.add_task(path.removeprefix("/ops/"), total=run[of])
        while run["ended_at"] is None:
            await asyncio.sleep(_POLL_S)
            run = await dispatcher.get(path)
            progress.update(bar, completed=run["looked_at"])
    return run
