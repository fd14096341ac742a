"""`sendto why`: where an order stands at its providers, and why."""

from typing import Annotated, Any

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Home

_ID_MAX = 2**63 - 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


def why(
    order_id: Annotated[int, typer.Argument(min=1, max=_ID_MAX, help="The order's id.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Tell an order's story: events taken, route, lanes, attempts, and what happens next."""
    import json

    from sendto_cli import remote
    from sendto_cli.why import tell

    story = remote.run(_ask(order_id, home))
    if as_json:
        typer.echo(json.dumps(story, indent=2))
    else:
        typer.echo(tell(story))
    if story["order"] is None and not story["waiting"] and not story["dispatcher"]["sources"]:
        raise CommandFailed(f"nobody knows an order {order_id}")


async def _ask(order_id: int, home: Any) -> dict[str, Any]:  # noqa: ANN401 - as the option
    from sendto_cli import remote

    async with remote.dispatcher(home) as dispatcher:
        told = await dispatcher.get(f"/ops/orders/{order_id}")
    async with remote.api(home) as api:
        order = await api.get(f"/v3/orders/{order_id}")
        waiting = await api.get(f"/v3/orders/{order_id}/waiting-events")
    # Of the order only what says nothing about a person.
    shown = {key: order[key] for key in ("order_id", "date_modified", "shipment_provider")} if order else None
    return {"order": shown, "waiting": waiting["data"], "dispatcher": told}
