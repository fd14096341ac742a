"""`sendto token`: bearer tokens of the API and of the dispatcher's ops API."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, TypeVar

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Config, Home
from sendto_cli.times import to_second

T = TypeVar("T")


class Door(StrEnum):
    """What a token opens."""

    API = "api"
    OPS = "ops"


For = Annotated[Door, typer.Option("--for", help="What the token opens: the API, or the dispatcher's ops API.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    tokens = typer.Typer(help="Make, list and revoke bearer tokens.", no_args_is_help=True)
    tokens.command("create")(create)
    tokens.command("list")(list_)
    tokens.command("revoke")(revoke)
    app.add_typer(tokens, name="token")


def create(
    permissions: Annotated[str, typer.Option(help="What it may do, separated by commas.")],
    name: Annotated[str, typer.Option(help="What to call it in listings.")] = "unnamed",
    expires_in_s: Annotated[float | None, typer.Option(min=1, help="Seconds until it expires; none: never.")] = None,
    *,
    quiet: Annotated[bool, typer.Option(help="Print just the token.")] = False,
    door: For = Door.API,
    home: Home = None,
    config: Config = None,
) -> None:
    """Make a token. It is shown once: only its hash is stored."""
    words = [word.strip() for word in permissions.split(",") if word.strip()]
    store, known = _store(door)
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        detail = f"unknown permission {', '.join(unknown)}" if unknown else "no permission is named"
        raise typer.BadParameter(f"{detail}; known are: {', '.join(known)}", param_hint="--permissions")

    async def work(connection: Any) -> str:  # noqa: ANN401 - asyncpg's connection
        token: str = await store.create_token(connection, name=name, permissions=words, expires_in_s=expires_in_s)
        return token

    token = _run(door, home, config, work)
    typer.echo(token if quiet else f"{token}\nKeep it: it cannot be shown again. It may: {', '.join(words)}")


def list_(*, as_json: AsJson = False, door: For = Door.API, home: Home = None, config: Config = None) -> None:
    """List the tokens, also those that are revoked or have expired."""
    import dataclasses

    store, _ = _store(door)
    rows = [dataclasses.asdict(row) for row in _run(door, home, config, store.list_tokens)]
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=2))
        return
    for row in rows:
        state = _state(row)
        used = f"last used {to_second(row['last_used_at'])}" if row["last_used_at"] else "never used"
        typer.echo(f"{row['id']}  {row['name']}  {','.join(row['permissions'])}  {state}  {used}")


def _state(row: dict[str, Any]) -> str:
    if row["revoked_at"]:
        return f"revoked {to_second(row['revoked_at'])}"
    if not row["expires_at"]:
        return "valid"
    return f"{'expires' if row['expires_at'] > datetime.now(UTC) else 'expired'} {to_second(row['expires_at'])}"


def revoke(
    token: Annotated[str, typer.Argument(help="The token's id or name.")],
    door: For = Door.API,
    home: Home = None,
    config: Config = None,
) -> None:
    """Revoke a token; it is refused at once, or within seconds where the news is lost."""
    store, _ = _store(door)

    async def work(connection: Any) -> int:  # noqa: ANN401 - asyncpg's connection
        revoked: int = await store.revoke_token(connection, token)
        return revoked

    revoked = _run(door, home, config, work)
    if not revoked:
        raise CommandFailed(f"there is no valid token {token}")
    if door is Door.API:
        _run(door, home, config, store.tell_revoked)
    typer.echo(f"revoked {revoked}")


def _store(door: Door) -> tuple[ModuleType, tuple[str, ...]]:
    if door is Door.API:
        from sendto_api.tokens import store
        from sendto_api.tokens.permissions import KNOWN

        return store, KNOWN
    from sendto_dispatcher.store import tokens

    return tokens, tokens.PERMISSIONS


def _run(door: Door, home: Path | None, config: Path | None, work: Callable[[Any], Awaitable[T]]) -> T:
    from sendto.runtime.database import Database, DatabaseAway
    from sendto_cli.configuration import database_settings

    settings = database_settings("api" if door is Door.API else "dispatcher", home, config)

    async def run() -> T:
        database = Database(settings, application_name="sendto-command")
        try:
            async with database.transaction() as connection:
                return await work(connection)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except DatabaseAway as error:
        raise CommandFailed(f"the database cannot be reached ({error})") from None
