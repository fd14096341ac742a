"""What a check works with: an adapter made for an empty scripted provider, called as the core calls it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from sendto.events.customer import Customer
from sendto.sdk.adapter import Adapter, BatchAdapter, Capabilities, LookupFailed
from sendto.sdk.classify import classify_failure
from sendto.sdk.commands import Command, Health, Operation
from sendto.sdk.http import Http, HttpFailure
from sendto.sdk.outcomes import Outcome, RemoteRef
from sendto.sdk.testing.breach import breach, require
from sendto.sdk.testing.case import Case
from sendto.sdk.testing.client import Account, KitHttp
from sendto.sdk.testing.people import CANARIA
from sendto.sdk.testing.provider import ScriptedProvider

T = TypeVar("T")
DEADLINE_S = 10.0
"""for calls whose deadline is not what a check is about"""
GRACE_S = 3.0
"""how long after its deadline, or after it was cancelled, a call may take to come back on a busy machine"""
_OUTCOMES = get_args(Outcome)


class Stage:
    """One check's world. Everything that adapters say and do on it is kept for the watch."""

    def __init__(self, case: Case, provider: ScriptedProvider) -> None:
        self.case = case
        self.provider = provider
        self.account = Account({_origin(provider.url), *case.hosts}, provider.port)
        self.config = case.adapter.Config.model_validate(dict(case.config(provider.url)))
        self.adapter: Adapter = self.new_adapter()
        self.said: list[str] = []
        """reprs of outcomes and texts of exceptions"""
        self._order_id = 51_341

    @property
    def capabilities(self) -> Capabilities:
        """What the adapter says it can do."""
        return self.adapter.capabilities

    def new_adapter(self) -> Adapter:
        """Another instance, as after a restart."""
        return self.case.adapter(self.config)  # type: ignore[call-arg]  # the protocol leaves constructors to the classes

    def empty(self) -> None:
        """From now on the provider holds nothing."""
        self.provider.fake = self.case.fake()

    def new_reference(self) -> str:
        """A reference that was not used before on this stage."""
        self._order_id += 1
        return str(self._order_id)

    def command(
        self,
        operation: Operation,
        reference: str,
        customer: Customer | None = CANARIA,
        *,
        remote: RemoteRef | None = None,
        generation: int = 1,
        attempt: int = 1,
        deadline_s: float = DEADLINE_S,
    ) -> Command:
        """A command as the core makes it."""
        gone = operation is Operation.DELETE
        return Command(
            operation=operation,
            reference=reference,
            source="/sendto/kit",
            order_id=int(reference),
            version=generation,
            generation=generation,
            customer=None if gone else customer,
            order=None if gone else self.case.order,
            remote=remote,
            idempotency_key=f"sendto-{reference}-{generation}",
            occurred_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            attempt=attempt,
            deadline_s=deadline_s,
        )

    def http(self, deadline_s: float = DEADLINE_S) -> KitHttp:
        """The client of one call."""
        return KitHttp(self.account, deadline_s)

    async def apply(self, command: Command, http: KitHttp | None = None, *, adapter: Adapter | None = None) -> Outcome:
        """Carry a command out as the core does; whatever is no outcome is a breach."""
        http = http or self.http(command.deadline_s)
        tokens_before = self.provider.tokens_asked
        try:
            outcome = await self._within((adapter or self.adapter).apply(command, http), command.deadline_s)
        except HttpFailure as failure:
            outcome = classify_failure(command.operation, self.capabilities, failure)
        self._counted(command.operation, len(http.requests) - (self.provider.tokens_asked - tokens_before))
        return self._an_outcome(outcome, f"apply({command.operation})")

    async def apply_many(self, commands: Sequence[Command], http: KitHttp | None = None) -> list[Outcome]:
        """Carry several commands out in one request, as the core does."""
        if not isinstance(self.adapter, BatchAdapter):
            breach("capabilities.batch is more than 1, and there is no apply_many")
        http = http or self.http()
        try:
            outcomes = await self._within(self.adapter.apply_many(commands, http), DEADLINE_S)
        except HttpFailure as failure:
            return [classify_failure(command.operation, self.capabilities, failure) for command in commands]
        require(isinstance(outcomes, list), "apply_many must return a list of outcomes")
        require(
            len(outcomes) == len(commands),
            f"apply_many returned {len(outcomes)} outcomes for {len(commands)} commands; return one for each, in order",
        )
        return [self._an_outcome(outcome, "apply_many") for outcome in outcomes]

    async def find(self, reference: str) -> RemoteRef | None:
        """Look a reference up; raises HttpFailure or LookupFailed as the adapter does."""
        found = await self._asked(self.adapter.find, reference)
        require(
            found is None or (isinstance(found, RemoteRef) and found.value),
            f"find returned {type(found).__name__}; return a RemoteRef, or None if the provider holds nothing",
        )
        return found

    async def check(self) -> Health:
        """The adapter's check; raises HttpFailure as the adapter does."""
        health = await self._asked(lambda _, http: self.adapter.check(http), "")
        require(isinstance(health, Health), f"check returned {type(health).__name__}; return a Health")
        return health

    async def _asked(self, ask: Callable[[str, Http], Awaitable[T]], reference: str) -> T:
        try:
            answer = await self._within(ask(reference, self.http()), DEADLINE_S)
        except LookupFailed as failure:
            self.said.append(repr(failure.outcome) + str(failure))
            raise
        self.said.append(repr(answer))
        return answer

    async def _within(self, call: Awaitable[T], deadline_s: float) -> T:
        """Wait for a call; it must end soon after its deadline by itself, and raise nothing unexpected."""
        running = asyncio.ensure_future(call)
        started_s = time.monotonic()
        await asyncio.wait({running}, timeout=deadline_s + GRACE_S)
        if not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=GRACE_S)
            breach(
                f"the call went on for {time.monotonic() - started_s:.1f} s with a deadline of {deadline_s:g} s; "
                "do not wait in the adapter: return an outcome, the core waits"
            )
        try:
            return running.result()
        except (HttpFailure, LookupFailed):
            raise
        except asyncio.CancelledError:
            breach("the call raised CancelledError though nobody cancelled it")
        except Exception as error:  # noqa: BLE001 - that is the point
            self.said.append(str(error))
            breach(f"{type(error).__name__} came out of the adapter; expected failures are outcomes")

    def _an_outcome(self, outcome: Any, call: str) -> Outcome:  # noqa: ANN401 - whatever the adapter returned
        if not isinstance(outcome, _OUTCOMES):
            breach(f"{call} returned {type(outcome).__name__}; return one of sendto.sdk's outcomes")
        self.said.append(repr(outcome))
        return outcome  # type: ignore[no-any-return]  # it is one of them

    def _counted(self, operation: Operation, requests: int) -> None:
        most = self.capabilities.requests_of(operation)
        require(
            requests <= most,
            f"{operation} made {requests} requests where capabilities.requests allow {most}",
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
