"""`sendto audit`: what a provider holds, compared with what it should."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Home

_SUMS = ("compared", "under_way", "unreadable")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    *,
    provider: Annotated[str, typer.Option(help="The provider's name.")],
    repair: Annotated[bool, typer.Option("--repair", help="Deliver again what differs.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Read back what a provider holds, within its rate limit, and say what differs from what it should hold."""
    from sendto_cli import remote

    told = remote.run(_audit(provider, home, repair=repair, as_json=as_json))
    differing = len(told["found"])
    open_ones = sum(not one["repaired"] for one in told["found"])
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(
            f"{told['compared']} compared, {differing} differ, {differing - open_ones} of them are delivered again; "
            f"{told['under_way']} are under way, {told['unreadable']} could not be read"
        )
    if open_ones:
        raise CommandFailed(f"{open_ones} differ; with --repair they are delivered again")
    if told["unreadable"]:
        raise CommandFailed(f"{told['unreadable']} could not be read")


async def _audit(provider: str, home: Home, *, repair: bool, as_json: bool) -> dict[str, Any]:
    from sendto_cli import remote

    told: dict[str, Any] = dict.fromkeys(_SUMS, 0) | {"found": []}
    after: int | None = 0
    async with remote.dispatcher(home) as dispatcher:
        while after is not None:
            page = await dispatcher.post(
                f"/ops/providers/{quote(provider, safe='')}/audit", {"after": after, "repair": repair}
            )
            for name in _SUMS:
                told[name] += page[name]
            told["found"] += page["found"]
            if not as_json:
                for one in page["found"]:
                    typer.echo(_line(one))
            after = page["next_after"]
    return told


def _line(one: dict[str, Any]) -> str:
    fields = f" in {', '.join(one['fields'])}" if one["fields"] else ""
    repaired = "; is delivered again" if one["repaired"] else ""
    return f"order {one['order_id']}  lane {one['lane']}  {one['drift']}{fields}{repaired}"
