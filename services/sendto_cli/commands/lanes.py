"""`sendto lanes`: lanes by state, provider and reason."""

import json
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from sendto_cli.options import AsJson, Home

_PAGE = 500


class State(StrEnum):
    """What lanes can be listed by."""

    BEHIND = "behind"
    DUE = "due"
    WAITING = "waiting"
    LEASED = "leased"
    RESTING = "resting"
    DEAD = "dead"
    UNKNOWN = "unknown"
    TAKEN = "taken"
    UNSUPPORTED = "unsupported"
    SHADOW = "shadow"
    CONVERGED = "converged"
    UNCONFIRMED = "unconfirmed"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lanes)


def lanes(
    *,
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    state: Annotated[
        State, typer.Option(help="behind: all that are under way; resting: all that were given up.")
    ] = State.BEHIND,
    reason: Annotated[str | None, typer.Option(help="Only those whose last failure has this code.")] = None,
    behind_for_s: Annotated[
        float | None, typer.Option(min=0, help="Only those that have been behind for so many seconds.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The most to show.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List lanes (one is one order at one provider), each with its verdict."""
    from sendto_cli import remote

    query = {"provider": provider, "state": str(state), "reason": reason, "behind_for_s": behind_for_s}
    found = remote.run(_ask({name: value for name, value in query.items() if value is not None}, limit, home))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found:
        typer.echo(f"{row['lane']}  order {row['order_id']}  {row['state']}  {row['verdict']}")
    if not found:
        typer.echo(f"no lane is {state}")


async def _ask(query: dict[str, Any], limit: int, home: Home) -> list[dict[str, Any]]:
    from sendto_cli import remote

    found: list[dict[str, Any]] = []
    async with remote.dispatcher(home) as dispatcher:
        while len(found) < limit:
            page = await dispatcher.get(f"/ops/lanes?{urlencode(query | {'limit': min(_PAGE, limit - len(found))})}")
            found += page["data"]
            if page["next_cursor"] is None:
                break
            query = query | {"cursor": page["next_cursor"]}
    return found
