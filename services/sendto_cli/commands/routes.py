"""`sendto routes`: where orders go by the routes in force, and applying them to orders that are known already."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from sendto_cli.options import AsJson, Home

_ID_MAX = 2**63 - 1

Json = dict[str, Any]


class OrderType(StrEnum):
    """Types of orders."""

    DELIVERY = "delivery"
    COLLECTION = "collection"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    routes = typer.Typer(help="Try the routes, and apply them to known orders.", no_args_is_help=True)
    routes.command("test")(try_)
    routes.command("apply")(apply)
    routes.command("unrouted")(unrouted)
    routes.command("runs")(runs)
    routes.command("cancel")(cancel)
    app.add_typer(routes, name="routes")


def try_(
    *,
    order_type: Annotated[OrderType, typer.Option(help="Its type.")] = OrderType.DELIVERY,
    country: Annotated[str | None, typer.Option(help="Of its address, as two capital letters.")] = None,
    location: Annotated[int | None, typer.Option(min=1, max=_ID_MAX, help="The location's id.")] = None,
    payment: Annotated[str | None, typer.Option(help="Its payment method.")] = None,
    source: Annotated[str, typer.Option(help="Who publishes it.")] = "/sendto/api",
    provider: Annotated[list[str] | None, typer.Option(help="A provider that the order itself names.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Tell where an order like this would go, and which conditions of the rules it does not meet."""
    from sendto_cli import remote

    order = {
        "order_type": str(order_type),
        "country": country,
        "location_id": location,
        "payment": payment,
        "source": source,
        "shipment_provider": provider or None,
    }

    async def ask() -> Json:
        async with remote.dispatcher(home) as dispatcher:
            routed: Json = await dispatcher.post("/ops/routes/test", order)
            return routed

    routed = remote.run(ask())
    if as_json:
        typer.echo(json.dumps(routed, indent=2))
        return
    typer.echo(f"{', '.join(routed['providers']) or 'nowhere'}  ({routed['words']})")
    for rule in routed["rules"]:
        missed = "; ".join(f"{one['condition']} is not {' or '.join(one['wanted'])}" for one in rule["missed"])
        typer.echo(f"  rule {rule['number']} → {', '.join(rule['to'])}  {missed or 'matches'}")


def unrouted(
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    before: Annotated[int | None, typer.Option(min=1, max=_ID_MAX, help="Only lower order numbers.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List orders that go nowhere, the highest numbers first."""
    from sendto_cli import listing

    below = f"&before_id={before}" if before else ""
    listing.show(f"/ops/routes/unrouted?limit={limit}{below}", home, _unrouted, as_json=as_json)


def apply(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    wait: Annotated[bool, typer.Option(help="Show the progress until it is done.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Route all known orders by the routes in force: first a count, then in steps, as fast as the providers take them.

    Refused while the dispatcher's processes have different configurations.
    """
    from sendto_cli import remote

    remote.run(_apply(home, yes=yes, wait=wait, as_json=as_json))


def runs(*, home: Home = None, as_json: AsJson = False) -> None:
    """List when the routes were applied, and how far each is."""
    from sendto_cli import listing

    listing.show("/ops/routes/runs", home, _told, as_json=as_json)


def cancel(
    run_id: Annotated[int, typer.Argument(min=1, max=_ID_MAX, help="Its number.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End it where it is; orders that have moved stay where they are."""
    from sendto_cli import listing

    listing.cancel(f"/ops/routes/runs/{run_id}", home, _told, as_json=as_json)


async def _apply(home: Home, *, yes: bool, wait: bool, as_json: bool) -> None:
    from sendto_cli import listing, remote

    async with remote.dispatcher(home) as dispatcher:
        counted: Json = await dispatcher.get("/ops/routes/count")
        if as_json and not yes:
            typer.echo(json.dumps(counted | {"begun": False}, indent=2))
            return
        if not as_json:
            for way in counted["ways"]:
                typer.echo(f"{_orders(way['orders'])}  {_names(way['leave'])} → {_names(way['reach'])}")
        if not yes:
            typer.confirm(f"{_orders(counted['orders'])} of {counted['known']} would move. Go on?", abort=True)
        expected = {} if yes else {"orders": counted["orders"]}
        run: Json = await dispatcher.post("/ops/routes/apply", {"digest": counted["digest"]} | expected)
        if wait:
            run = await listing.follow(dispatcher, f"/ops/routes/runs/{run['id']}", run, of="known", quiet=as_json)
    typer.echo(json.dumps(run, indent=2) if as_json else _told(run))
    if run["stopped"]:
        raise typer.Exit(1)


def _unrouted(order: Json) -> str:
    known = (("type", "order_type"), ("country", "country"), ("location", "location_id"), ("payment", "payment"))
    words = ", ".join(f"{word} {order[name]}" for word, name in known if order[name] is not None)
    return f"{order['order_id']}  {order['source']}  {words or 'nothing is known of it'}"


def _told(run: Json) -> str:
    words = [f"routes {run['id']}  {run['routed']} of {_orders(run['orders'])} moved, {run['lanes']} lanes changed"]
    if run["cancelled_by"]:
        words.append(f"cancelled by {run['cancelled_by']}")
    elif run["stopped"]:
        words.append(f"stopped: {run['stopped']}")
    elif run["ended_at"] is None:
        words.append("under way")
    return ", ".join(words)


def _orders(count: int) -> str:
    return f"{count} order" if count == 1 else f"{count} orders"


def _names(providers: list[str]) -> str:
    return ", ".join(providers) or "nowhere"
