"""`sendto plan`: where an order would go, and the exact requests; nothing is sent."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson, Home

_ID_MAX = 2**63 - 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    order_id: Annotated[int, typer.Argument(min=1, max=_ID_MAX, help="The order's id.")],
    *,
    personal: Annotated[bool, typer.Option("--personal", help="Show the customer, too; it is recorded.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print where an order would go and the exact requests, with secrets and the customer masked; sends nothing."""
    from sendto_cli import remote

    async def ask() -> dict[str, Any] | None:
        async with remote.dispatcher(home) as dispatcher:
            found: dict[str, Any] | None = await dispatcher.get(
                f"/ops/orders/{order_id}/plan?personal={'true' if personal else 'false'}"
            )
            return found

    found = remote.run(ask())
    if found is None:
        raise CommandFailed(f"no event of order {order_id} was taken")
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for source in found["sources"]:
        where = ", ".join(source["providers"]) or "nowhere"
        yield f"Order {found['order_id']} of {source['source']} goes to {where} ({source['route']})"
    for lane in found["lanes"]:
        yield ""
        shadow = "; in shadow: nothing is sent" if lane["shadow"] else ""
        made = "" if lane["known"] else ", which it has not been sent to yet"
        yield f"{lane['provider']}, reference {lane['reference']}{made}: {lane['does']} ({lane['why']}){shadow}"
        for number, request in enumerate(lane["requests"], start=1):
            if len(lane["requests"]) > 1:
                yield f"  {number}."
            yield from (f"  {line}" for line in _request(request))
        if lane["most_requests"] > len(lane["requests"]) > 0:
            yield f"  (up to {lane['most_requests']} requests, if the provider answers otherwise)"


def _request(request: dict[str, Any]) -> Iterator[str]:
    yield f"{request['method']} {request['url']}"
    yield from (f"{name}: {value}" for name, value in request["headers"].items())
    body = request["body"]
    if body is not None:
        text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
        yield ""
        yield from text.splitlines()
