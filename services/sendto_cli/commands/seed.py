"""`sendto seed`: realistic orders through the API, and a comparison with what the provider holds."""

from pathlib import Path
from typing import Annotated

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import Home

_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(seed)


def seed(
    orders: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")] = 500,
    number: Annotated[int, typer.Option("--seed", help="The same number makes the same orders.")] = 1,
    patience_s: Annotated[float, typer.Option(min=0, help="How long to wait while the provider takes no more.")] = 30.0,
    home: Home = None,
) -> None:
    """Write realistic orders through the API, then compare them field by field with what the sandbox holds."""
    from sendto_cli import remote
    from sendto_cli.home import read_run

    sandbox_url = read_run(home).sandbox_url
    remote.run(_seed(orders, number, patience_s, home, sandbox_url))


async def _seed(count: int, number: int, patience_s: float, home: Path | None, sandbox_url: str) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from sendto_cli import remote
    from sendto_cli.seed.orders import seed_orders
    from sendto_cli.seed.run import compare, write

    console = Console()
    async with remote.api(home) as api, remote.Remote("sandbox", sandbox_url, "") as sandbox:
        with Progress(console=console) as progress:
            writing = progress.add_task("orders written", total=count)
            arriving = progress.add_task("held correctly", total=count)
            try:
                written = await write(
                    api, seed_orders(count, number), lambda done: progress.update(writing, completed=done)
                )
            except* CommandFailed as failures:
                raise failures.exceptions[0] from None
            result = await compare(sandbox, written, patience_s, lambda done: progress.update(arriving, completed=done))
    for order_id in result.missing[:_SHOWN]:
        console.print(f"order {order_id}: missing; see: sendto why {order_id}")
    for order_id, fields in list(result.wrong.items())[:_SHOWN]:
        console.print(f"order {order_id}: differs in {', '.join(fields)}")
    console.print(f"{result.correct} of {count} orders are held correctly by the provider, compared field by field")
    if result.correct != count:
        raise CommandFailed(f"{len(result.missing)} are missing, {len(result.wrong)} differ")
