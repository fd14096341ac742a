"""One lane as the core drives it, so that checks see what would become of an order, not of a single call."""

import json
from dataclasses import dataclass
from typing import assert_never

from sendto.events.customer import Customer
from sendto.sdk.adapter import Idempotency, LookupFailed
from sendto.sdk.commands import Command, Operation
from sendto.sdk.http import HttpFailure
from sendto.sdk.outcomes import (
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Gone,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto.sdk.testing.breach import Breach, breach, require
from sendto.sdk.testing.people import CANARIA
from sendto.sdk.testing.stage import Stage

_MOST_ATTEMPTS = 6


@dataclass
class Lane:
    """What is known of one order at the provider. `bring` is the core's way from there to a wanted state."""

    stage: Stage
    reference: str
    present: bool = False
    in_doubt: bool = False
    remote: RemoteRef | None = None
    generation: int = 0
    sent: Command | None = None
    """the create that may have succeeded"""

    @classmethod
    def new(cls, stage: Stage) -> "Lane":
        """A lane of an order that was not seen before."""
        return cls(stage, stage.new_reference())

    @property
    def objects(self) -> int:
        """How many objects the provider holds for it."""
        return len(self.stage.provider.fake.held(self.reference))

    async def bring(self, customer: Customer | None) -> Outcome:
        """Try until the provider holds this state (None: nothing), or refuses it, or nothing more may be sent."""
        self.generation += 1
        outcome: Outcome = Unsupported("nothing_to_do")
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            if self._stuck():
                return outcome
            command = await self._next(customer, attempt)
            if command is None:
                return outcome
            outcome = await self.stage.apply(command)
            if self._settle(command, outcome):
                if command.generation == self.generation:
                    return outcome
                outcome = Unsupported("nothing_to_do")
        raise Breach(f"after {_MOST_ATTEMPTS} attempts the provider is well and the lane is not; last came {outcome}")

    async def create(self, customer: Customer = CANARIA) -> "Lane":
        """Bring a first state, which must succeed."""
        outcome = await self.bring(customer)
        require(
            isinstance(outcome, Applied | Accepted),
            f"a plain create came to {outcome}, not to Applied or Accepted; does the fake answer as the provider does?",
        )
        require(
            self.objects == 1,
            f"after a create that came to {type(outcome).__name__} the provider holds {self.objects} objects",
        )
        return self

    def holds(self, customer: Customer, where: str) -> None:
        """Require one object with this state, as far as `content` shows it."""
        require(self.objects == 1, f"{where}: the provider holds {self.objects} objects for one order")
        command = self.stage.command(Operation.UPDATE, self.reference, customer)
        wanted = json.dumps(self.stage.adapter.content(command), ensure_ascii=False, default=str)
        held = json.dumps(self.stage.provider.fake.held(self.reference)[0], ensure_ascii=False, default=str)
        for field in ("first_name", "last_name", "email", "mobile_e164"):
            value = getattr(customer, field)
            if value and value in wanted and field not in self.stage.capabilities.immutable_fields:
                require(
                    value in held,
                    f"{where}: the outcome is success, and the provider does not hold the new {field}; "
                    "say supports_update=False or name it in immutable_fields if it cannot be changed",
                )

    def _stuck(self) -> bool:
        """Whether an unknown outcome cannot be found out, so that nothing more may be sent."""
        capabilities = self.stage.capabilities
        return (
            self.in_doubt
            and not self.present
            and not capabilities.repeatable_create
            and capabilities.idempotency is Idempotency.NONE
        )

    async def _next(self, customer: Customer | None, attempt: int) -> Command | None:
        capabilities = self.stage.capabilities
        if self.in_doubt and not self.present and not capabilities.repeatable_create:
            if capabilities.idempotency is Idempotency.REQUEST_KEY and self.sent is not None:
                return self.sent
            await self._look_up()
        if customer is None:
            if not capabilities.supports_delete or not (self.present or self.in_doubt):
                return None
            return self._command(Operation.DELETE, None, attempt)
        if not self.present:
            self.sent = self._command(Operation.CREATE, customer, attempt)
            return self.sent
        if not capabilities.supports_update and not capabilities.upsert:
            return None
        return self._command(Operation.UPDATE, customer, attempt)

    def _command(self, operation: Operation, customer: Customer | None, attempt: int) -> Command:
        return self.stage.command(
            operation, self.reference, customer, remote=self.remote, generation=self.generation, attempt=attempt
        )

    async def _look_up(self) -> None:
        try:
            self.remote = await self.stage.find(self.reference)
        except (LookupFailed, HttpFailure) as failure:
            breach(f"idempotency is lookup, and find failed at a provider that is well: {type(failure).__name__}")
        self.present, self.in_doubt, self.sent = self.remote is not None, False, None

    def _settle(self, command: Command, outcome: Outcome) -> bool:
        """Note what the outcome tells; whether it ends the command."""
        match outcome:
            case Applied(remote) | Accepted(remote):
                self.present = command.operation is not Operation.DELETE
                self.remote = (remote or self.remote) if self.present else None
                self.in_doubt, self.sent = False, None
                return True
            case AlreadyAbsent():
                self.present, self.remote, self.in_doubt = False, None, False
                return command.operation is Operation.DELETE
            case Ambiguous():
                self.in_doubt = True
                return False
            case Transient():
                self.in_doubt = self.in_doubt or not outcome.nothing_done
                return False
            case RateLimited():
                return False
            case Rejected() | Unauthorized() | Unsupported() | Gone():
                return True
            case _:
                assert_never(outcome)
