"""`sendto sources`: who publishes events, and forgetting the versions that one has sent."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from sendto_cli.options import AsJson, Home
from sendto_cli.times import to_second

_VERSION_MAX = 2**63 - 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    sources = typer.Typer(help="Look at the sources of events.", no_args_is_help=True)
    sources.command("list")(list_)
    sources.command("reset")(reset)
    app.add_typer(sources, name="sources")


def list_(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the sources that were heard lately."""
    from sendto_cli import listing

    listing.show("/ops/sources", home, _told, as_json=as_json)


def reset(
    source: Annotated[str, typer.Argument(help="The source, as its events name it.")],
    *,
    above: Annotated[int, typer.Option(min=-1, max=_VERSION_MAX, help="Only versions above this one; -1: all.")] = -1,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Forget the known versions of a source that sent absurd ones: its next event counts, whatever its version."""
    from sendto_cli import remote

    async def act() -> dict[str, Any]:
        async with remote.dispatcher(home) as dispatcher:
            wanted = {"source": source, "above": above}
            counted: dict[str, Any] = await dispatcher.get(f"/ops/sources/reset/count?{urlencode(wanted)}")
            if not yes and as_json:
                return counted | {"done": False}
            if not yes:
                typer.confirm(f"The versions of {counted['orders']} orders would be forgotten. Go on?", abort=True)
            done: dict[str, Any] = await dispatcher.post("/ops/sources/reset", wanted)
            return done | {"done": True}

    found = remote.run(act())
    typer.echo(json.dumps(found) if as_json else f"the versions of {found['orders']} orders are forgotten")


def _told(row: dict[str, Any]) -> str:
    return f"{row['source']}  {row['events']} of the newest events, the last at {to_second(row['last_taken_at'])}"
