"""`sendto providers`: what is configured, and whether it is served."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from sendto_cli.options import AsJson, Home
from sendto_cli.times import to_second


def register(app: typer.Typer) -> None:
    """Add the commands."""
    providers = typer.Typer(help="Look at the providers.", no_args_is_help=True)
    providers.callback()(_root)
    providers.command("list")(list_)
    providers.command("check")(check)
    providers.command("rename")(rename)
    app.add_typer(providers, name="providers")


def _root() -> None:
    """Look at the providers."""


def list_(*, home: Home = None, as_json: AsJson = False) -> None:
    """List every provider with its state, what holds it back, and its lanes in numbers."""
    from sendto_cli import listing

    listing.show("/ops/overview", home, _told, as_json=as_json, within="providers")


def check(
    provider: Annotated[str, typer.Argument(help="The provider's name.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask a provider whether it can be used: its address, our credentials, our permission; changes nothing there."""
    import json

    from sendto_cli import remote
    from sendto_cli.errors import CommandFailed

    async def ask() -> dict[str, str]:
        async with remote.dispatcher(home) as dispatcher:
            found: dict[str, str] = await dispatcher.post(f"/ops/providers/{quote(provider, safe='')}/check", {})
            return found

    found = remote.run(ask())
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        for part in ("address", "credentials", "permission"):
            typer.echo(f"{part}  {found[part]}")
    if found["verdict"] != "passes":
        detail = f" ({found['detail']})" if found["detail"] else ""
        raise CommandFailed(f"{provider} cannot be used: {found['verdict']}{detail}")


def rename(
    old: Annotated[str, typer.Argument(help="The name that its lanes have.")],
    new: Annotated[str, typer.Argument(help="The name that the configuration has.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Move a provider's lanes to another name; first rename it in the configuration, with `enabled = false`."""
    import json

    from sendto_cli import remote

    async def act() -> int:
        async with remote.dispatcher(home) as dispatcher:
            moved = await dispatcher.post(f"/ops/providers/{quote(old, safe='')}/rename", {"to": new})
            lanes: int = moved["lanes"]
            return lanes

    lanes = remote.run(act())
    typer.echo(json.dumps({"lanes": lanes}) if as_json else f"{lanes} lanes of {old} are {new}'s now")


def _told(row: dict[str, Any]) -> str:
    lanes = "  ".join(f"{count} {state}" for state, count in sorted(row["lanes"].items()))
    return f"{row['provider']}  {row['state']}{_why(row)}  {lanes}".rstrip()


def _why(row: dict[str, Any]) -> str:
    match row["state"]:
        case "broken":
            return f": {row['problem']}"
        case "paused":
            reason = f" ({row['pause_reason']})" if row["pause_reason"] else ""
            return f" by {row['paused_by']} since {to_second(row['paused_at'])}{reason}"
        case "held":
            return f" since {to_second(row['held_at'])} ({row['hold_reason']})"
        case "down":
            probe = f", next probe at {to_second(row['probe_at'])}" if row["probe_at"] else ""
            return f" since {to_second(row['opened_at'])}{probe}"
        case "waiting":
            return f" until {to_second(row['blocked_until'])}, as it asked"
    return ""
