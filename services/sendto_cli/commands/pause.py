"""`sendto pause` and `sendto resume`: stopping a provider by hand, and letting it go on."""

import json
from typing import Annotated
from urllib.parse import quote

import typer

from sendto_cli.options import AsJson, Home

Name = Annotated[str, typer.Argument(help="The provider's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(pause)
    app.command()(resume)


def pause(
    provider: Name,
    *,
    reason: Annotated[str | None, typer.Option(help="Why; shown to whoever asks.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Stop a provider by hand: nothing more is sent to it, nothing is lost, and nothing automatic lifts it."""
    _act(provider, "pause", {"reason": reason}, home, as_json=as_json, said=f"{provider} is paused")


def resume(provider: Name, *, home: Home = None, as_json: AsJson = False) -> None:
    """End a provider's pause, and a wait that it asked for."""
    _act(provider, "resume", {}, home, as_json=as_json, said=f"{provider} goes on")


def _act(provider: str, action: str, body: dict[str, str | None], home: Home, *, as_json: bool, said: str) -> None:
    from sendto_cli import remote

    async def act() -> None:
        async with remote.dispatcher(home) as dispatcher:
            await dispatcher.post(f"/ops/providers/{quote(provider, safe='')}/{action}", body)

    remote.run(act())
    typer.echo(json.dumps({"provider": provider, "action": action}) if as_json else said)
