"""`sendto replay`: deliver again; `sendto retry`: do not wait; `sendto replays`: those that are under way."""

import json
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Home
from sendto_cli.times import moment

_ID_MAX = 2**63 - 1

Lane = Annotated[int | None, typer.Option(min=1, max=_ID_MAX, help="One lane, by its number.")]
Order = Annotated[int | None, typer.Option(min=1, max=_ID_MAX, help="All lanes of one order.")]
Json = dict[str, Any]


class State(StrEnum):
    """States by which lanes can be chosen."""

    CONVERGED = "converged"
    UNCONFIRMED = "unconfirmed"
    BEHIND = "behind"
    DEAD = "dead"
    UNSUPPORTED = "unsupported"
    SHADOW = "shadow"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(replay)
    app.command()(retry)
    replays = typer.Typer(help="Look at replays, and end them.", no_args_is_help=True)
    replays.command("list")(list_)
    replays.command("cancel")(cancel)
    app.add_typer(replays, name="replays")


def replay(
    *,
    lane: Lane = None,
    order: Order = None,
    provider: Annotated[str | None, typer.Option(help="Lanes of this provider.")] = None,
    state: Annotated[State | None, typer.Option(help="Only lanes in this state.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only lanes whose last failure has this code.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only lanes that last changed since: so long ago (2h), or a time.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only lanes that last changed before.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    wait: Annotated[bool, typer.Option(help="Show the progress until it is done.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Deliver the newest state again, whatever was sent before; never makes a second object.

    Of one lane or order at once; of a provider's lanes after a count and a question, paced within its rate limit.
    """
    from sendto_cli import remote

    if sum(one is not None for one in (lane, order, provider)) != 1:
        raise typer.BadParameter("name one of --lane, --order and --provider")
    filters = {"state": state and str(state), "reason": reason}
    filters |= {
        "changed_after": moment(since, "--since").isoformat() if since else None,
        "changed_before": moment(until, "--until").isoformat() if until else None,
    }
    chosen = {name: value for name, value in filters.items() if value is not None}
    if provider is None:
        if chosen:
            raise typer.BadParameter("--state, --reason, --since and --until go with --provider")
        _say_moved(remote.run(_move("replay", lane, order, home)), as_json=as_json, done="delivered again")
        return
    remote.run(_replay({"provider": provider} | chosen, home, yes=yes, wait=wait, as_json=as_json))


def retry(*, lane: Lane = None, order: Order = None, home: Home = None, as_json: AsJson = False) -> None:
    """Try now what waits for its next attempt."""
    from sendto_cli import remote

    if (lane is None) == (order is None):
        raise typer.BadParameter("name one of --lane and --order")
    _say_moved(remote.run(_move("retry", lane, order, home)), as_json=as_json, done="tried now")


def list_(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the newest replays, and how far each is."""
    from sendto_cli import listing

    listing.show("/ops/replays", home, _told, as_json=as_json)


def cancel(
    run_id: Annotated[int, typer.Argument(min=1, max=_ID_MAX, help="The replay's number.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a replay where it is; what it has made due is delivered."""
    from sendto_cli import listing

    listing.cancel(f"/ops/replays/{run_id}", home, _told, as_json=as_json)


async def _move(action: str, lane: int | None, order: int | None, home: Home) -> int:
    from sendto_cli import remote

    path = f"/ops/lanes/{lane}/{action}" if order is None else f"/ops/orders/{order}/{action}"
    async with remote.dispatcher(home) as dispatcher:
        moved: int = (await dispatcher.post(path))["lanes"]
    return moved


def _say_moved(lanes: int, *, as_json: bool, done: str) -> None:
    typer.echo(json.dumps({"lanes": lanes}) if as_json else f"{_lanes(lanes)} {done}")


async def _replay(chosen: dict[str, str], home: Home, *, yes: bool, wait: bool, as_json: bool) -> None:
    from sendto_cli import listing, remote

    async with remote.dispatcher(home) as dispatcher:
        counted = await dispatcher.get(f"/ops/replays/count?{urlencode(chosen)}")
        if counted is None:
            raise CommandFailed(f"no provider {chosen['provider']!r} is known")
        if as_json and not yes:
            typer.echo(json.dumps(counted | {"begun": False}))
            return
        if not yes:
            typer.confirm(
                f"{_lanes(counted['lanes'])} of {chosen['provider']} would be delivered again. Go on?", abort=True
            )
        run = await dispatcher.post("/ops/replays", chosen | ({} if yes else counted))
        if wait:
            run = await listing.follow(dispatcher, f"/ops/replays/{run['id']}", run, of="lanes", quiet=as_json)
    typer.echo(json.dumps(run, indent=2) if as_json else _told(run))


def _told(run: Json) -> str:
    left = run["looked_at"] - run["replayed"]
    words = [f"replay {run['id']}  {run['provider']}  {run['replayed']} of {_lanes(run['lanes'])} made due"]
    if left:
        words.append(f"{left} left as they are")
    if run["cancelled_by"]:
        words.append(f"cancelled by {run['cancelled_by']}")
    elif run["ended_at"] is None:
        words.append("under way")
    return ", ".join(words)


def _lanes(count: int) -> str:
    return f"{count} lane" if count == 1 else f"{count} lanes"
