"""`sendto erase`: forgets a person everywhere, and says what cannot be reached."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Home
from sendto_cli.times import to_second

if TYPE_CHECKING:
    from sendto_cli.erasing import Receipt

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(erase)


def erase(
    *,
    order: Annotated[int | None, typer.Option(min=1, help="The order whose person is to be forgotten.")] = None,
    email: Annotated[
        str | None,
        typer.Option(help="Every order with this email address; `-`: read it, so that no list of processes shows it."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Whose order, where several sources know its number.")] = None,
    receipt: Annotated[
        int | None, typer.Option(min=1, help="Only tell what the erasure of this number has come to.")
    ] = None,
    no_api: Annotated[bool, typer.Option("--no-api", help="There is no API: all events come from elsewhere.")] = False,
    wait_s: Annotated[float, typer.Option(min=0, help="Seconds to wait for the intake and the providers.")] = 60.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Forget a person: orders, customers, outbox, stored answers, order states, rejected events, and at the providers.

    The orders stay, for the books, without buyer, customer, address and comments. Said again after a crash, it goes on.
    """
    from sendto_cli import remote
    from sendto_cli.erasing import Whom, receipt_of
    from sendto_cli.erasing import erase as carry_out

    if [order, email, receipt].count(None) != 2:  # noqa: PLR2004 - of three
        raise typer.BadParameter("name one of --order ID, --email ADDRESS and --receipt NUMBER")
    if receipt is not None:
        _tell(remote.run(receipt_of(receipt, home)), as_json=as_json)
        return
    address = sys.stdin.readline().strip() if email == "-" else email
    if address is not None and "@" not in address:
        raise typer.BadParameter("is no email address", param_hint="--email")
    if not yes and as_json:
        raise typer.BadParameter("with --json, say --yes as well")
    if not yes:
        whose = f"order {order}" if order else "all orders with this email address"
        typer.confirm(f"The person of {whose} is forgotten and cannot be brought back. Go on?", abort=True)
    whom = Whom(order_id=order, email=address, source=source, api=not no_api)
    _tell(remote.run(carry_out(whom, home, wait_s=wait_s, begun=_begun)), as_json=as_json)


def _begun(erasure: int) -> None:
    typer.echo(f"erasure {erasure} has begun; how far it is: sendto erase --receipt {erasure}", err=True)


def _tell(receipt: "Receipt", *, as_json: bool) -> None:
    typer.echo(json.dumps(_object(receipt), indent=2) if as_json else "\n".join(_lines(receipt)))
    erasure = receipt.dispatcher["erasure"]
    if receipt.dispatcher["ended_at"] is None:
        raise CommandFailed("it is not finished: say again whom to forget, it goes on")
    if receipt.waits_for:
        raise CommandFailed(
            f"providers are still to be told, which happens by itself; look again: sendto erase --receipt {erasure}"
        )


def _object(receipt: "Receipt") -> Json:
    return {
        "complete": not receipt.waits_for,
        "api": receipt.api,
        "dispatcher": receipt.dispatcher,
        "earlier": receipt.earlier,
        "not_reached": list(_not_reached(receipt.dispatcher)),
    }


def _lines(receipt: "Receipt") -> Iterator[str]:
    told, api = receipt.dispatcher, receipt.api
    yield f"erasure {told['erasure']}, begun {to_second(told['began_at'])}: {_orders(told['orders'])}"
    for one in receipt.earlier:
        orders = len(one["orders"])
        yield (
            f"  begun before: erasure {one['erasure']}, {to_second(one['began_at'])}, {orders} order(s):"
            f" sendto erase --receipt {one['erasure']}"
        )
    if api is None:
        yield "API: not asked"
    else:
        yield (
            f"API: {len(api['orders'])} orders without a person, {api['customers']} customers deleted,"
            f" {api['events']} events out of the outbox, {api['answers']} stored answers deleted"
        )
    yield (
        f"dispatcher: {told['states']} order states emptied, {told['kept_bodies']} kept bodies and"
        f" {told['rejected']} rejected events deleted; lanes, attempts and events name nobody"
    )
    if told["waits_for"]:
        yield f"dispatcher: {told['waits_for']} records of the topic are to be taken first"
    for one in told["providers"]:
        yield (
            f"provider {one['provider']}: removed {one['removed']}, to be told {one['waiting']},"
            f" cannot be told {one['remaining']}"
        )
    yield "not reached:"
    for place in _not_reached(told):
        until = f"until {to_second(place['until'])}" if place["until"] else place["why"]
        yield f"  {place['place']}: {until}"


def _not_reached(told: Json) -> Iterator[Json]:
    for one in told["topics"]:
        if one["until"] is not None:
            yield {"place": f"topic {one['topic']}", "until": one["until"], "why": "until its retention is over"}
        else:
            why = "keeps its records for ever" if one["known"] else "Kafka could not be asked how long it keeps records"
            yield {"place": f"topic {one['topic']}", "until": None, "why": why}
    for one in told["providers"]:
        if not one["configured"] and one["waiting"]:
            why = "not configured: it is told once it is there again"
            yield {"place": f"provider {one['provider']}", "until": None, "why": why}
        if one["remaining"]:
            why = "; ".join(one["reasons"]) or "it refuses"
            yield {"place": f"provider {one['provider']}", "until": None, "why": f"remains there: {why}"}
    for place in ("backups and replicas of the databases", "what other systems have made of the events"):
        yield {"place": place, "until": None, "why": "outside of sendto"}


def _orders(orders: list[Json]) -> str:
    return ", ".join(f"order {one['order_id']} of {one['source']}" for one in orders) or "no order is known"
