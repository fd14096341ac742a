"""What the person at the terminal sees: progress, what happened, and how to begin."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

from sendto_cli.home import Run

_NAMES = '"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"'
_FIRST_ORDER = f'{{{_NAMES}, "order_type": "delivery", "customer": {{{_NAMES}, "phone_number": "+44 20 7946 0958"}}}}'


class Display:
    """Lines that stay, and below them, on a terminal, one that moves until everything is ready."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._shown: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def step(self, what: str, done: int, total: int) -> None:
        """Show how far the current step is."""
        if self._shown is None:
            self._shown = self._progress.add_task(what, total=total)
        self._progress.update(self._shown, description=what, completed=done, total=total)

    def say(self, line: str) -> None:
        """Print one line that stays."""
        self._console.print(escape(line), highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Take the moving line away."""
        self._progress.stop()

    def welcome(self, run: Run) -> None:
        """Print the addresses, the token and what to try; nothing moves below them."""
        self.finish()
        for line in welcome_lines(run):
            self._console.print(escape(line), highlight=False, soft_wrap=True)


def welcome_lines(run: Run) -> list[str]:
    """What to know about a system that is ready."""
    authorization = f'-H "Authorization: Bearer {run.token}"'
    return [
        "",
        f"API         {run.api_url}        token      {run.token}",
        f"Dispatcher  {run.dispatcher_url}        ops token  {run.ops_token}",
        f"Sandbox     {run.sandbox_url}        a page that shows what the provider holds",
        f"Kafka       {run.kafka_bootstrap_servers}",
        "",
        "Try:",
        f"  curl -sS {authorization} -H 'Content-Type: application/json' -d '{_FIRST_ORDER}' {run.api_url}/v3/orders",
        f"  curl -sS {authorization} {run.api_url}/v3/orders/1/customer",
        f"  curl -sS {run.sandbox_url}/v1/recipients",
        "",
        "Ctrl-C stops everything; what was stored stays.",
    ]
