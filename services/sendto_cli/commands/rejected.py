"""`sendto rejected`: events that were rejected, and taking them again after a fix."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Home
from sendto_cli.times import to_second

_ID_MAX = 2**63 - 1
_PAGE = 100

Json = dict[str, Any]
Reason = Annotated[str | None, typer.Option(help="Only those of this reason.")]
Source = Annotated[str | None, typer.Option(help="Only those of this source.")]
RejectedId = Annotated[int, typer.Argument(min=1, max=_ID_MAX, help="The rejected event's number.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    rejected = typer.Typer(help="Look at rejected events, and take them again.", no_args_is_help=True)
    rejected.command("list")(list_)
    rejected.command("show")(show)
    rejected.command("take")(take)
    app.add_typer(rejected, name="rejected")


def list_(
    *,
    reason: Reason = None,
    source: Source = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The most to show.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the rejected events, newest first: why, and where they stand; nothing of what is in them."""
    from sendto_cli import listing

    def told(row: Json) -> str:
        place = f"{row['topic']}/{row['partition']}@{row['record_offset']}"
        why = f"{row['reason']}: {row['detail']}"
        return f"{row['id']}  {to_second(row['rejected_at'])}  {why}  {place}  {row['source'] or '-'}"

    listing.show(f"/ops/rejected?{_query(reason, source, limit=limit)}", home, told, as_json=as_json)


def show(rejected_id: RejectedId, *, home: Home = None, as_json: AsJson = False) -> None:
    """Show a rejected event's bytes, which may hold personal data: needs personal:read, and is recorded."""
    from sendto_cli import remote

    async def ask() -> Json:
        async with remote.dispatcher(home) as dispatcher:
            found: Json = await dispatcher.post(f"/ops/rejected/{rejected_id}/record")
            return found

    record = remote.run(ask())
    if as_json:
        typer.echo(json.dumps(record, indent=2))
        return
    typer.echo(f"key: {record['key']}")
    for name, value in record["headers"]:
        typer.echo(f"{name}: {value}")
    typer.echo(record["value"] if record["value"] is not None else "(a tombstone)")


def take(
    rejected_id: Annotated[
        int | None, typer.Argument(min=1, max=_ID_MAX, help="One of them, by its number; else all that are chosen.")
    ] = None,
    *,
    reason: Reason = None,
    source: Source = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take rejected events again, once what kept them away is mended; each finds its place by its version."""
    from sendto_cli import remote

    if rejected_id is None:
        remote.run(
            _take_all(_query(reason, source), {"reason": reason, "source": source}, home, yes=yes, as_json=as_json)
        )
        return
    if reason or source:
        raise typer.BadParameter("--reason and --source choose among all; leave the number out")

    async def act() -> Json:
        async with remote.dispatcher(home) as dispatcher:
            found: Json = await dispatcher.post(f"/ops/rejected/{rejected_id}/take")
            return found

    taken = remote.run(act())
    typer.echo(
        json.dumps(taken)
        if as_json
        else f"taken: {taken['verdict']}, order {taken['order_id']}, {taken['lanes']} lanes"
    )


async def _take_all(query: str, chosen: Json, home: Home, *, yes: bool, as_json: bool) -> None:
    from sendto_cli import remote

    told: Json = {"taken": {}, "refused": []}
    async with remote.dispatcher(home) as dispatcher:
        counted: Json = await dispatcher.get(f"/ops/rejected/count?{query}")
        if as_json and not yes:
            typer.echo(json.dumps(counted | {"done": False}))
            return
        if not yes:
            typer.confirm(f"{counted['events']} rejected events would be taken again. Go on?", abort=True)
        after: int | None = 0
        while after is not None:
            page = await dispatcher.post("/ops/rejected/take", chosen | {"after": after, "limit": _PAGE})
            for verdict, number in page["taken"].items():
                told["taken"][verdict] = told["taken"].get(verdict, 0) + number
            told["refused"] += page["refused"]
            after = page["next_after"]
    _say_taken(told, as_json=as_json)


def _say_taken(told: Json, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told | {"done": True}, indent=2))
    else:
        for one in told["refused"]:
            typer.echo(f"{one['id']} stays rejected: {one['why']}")
        words = ", ".join(f"{number} {verdict}" for verdict, number in told["taken"].items())
        typer.echo(f"taken again: {words or 'none'}")
    if told["refused"]:
        raise CommandFailed(f"{len(told['refused'])} stay rejected")


def _query(reason: str | None, source: str | None, **more: int) -> str:
    chosen = {"reason": reason, "source": source}
    return urlencode({name: value for name, value in chosen.items() if value is not None} | more)
