"""The interface of an adapter: the code that speaks to one kind of shipment provider.

An adapter is found through an entry point of the group `sendto.adapters` and made once per configured provider.
Translation (pure) and I/O are apart: `content` and `translate` can be called without any provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from sendto.events.customer import Customer, OrderSnapshot
from sendto.sdk.commands import Command, Health, Operation, RemoteState
from sendto.sdk.http import Http, HttpRequest
from sendto.sdk.outcomes import Outcome, RemoteRef
from sendto.sdk.requirements import Requirement, has

API_VERSION = 1
"""The version of this interface; an adapter names the one that it was written for."""

SUPPORTED_API_VERSIONS = frozenset({max(1, API_VERSION - 1), API_VERSION})
"""The present version and the one before, so that a plugin survives one change of the interface."""


class Idempotency(StrEnum):
    """What keeps a create that is sent twice from making two objects.

    NATURAL_KEY: our reference is the object's key there. REQUEST_KEY: the provider remembers the idempotency key for a
    time. LOOKUP: `find` tells whether the first one arrived. NONE: nothing; an unknown outcome needs a person.
    """

    NATURAL_KEY = "natural_key"
    REQUEST_KEY = "request_key"
    LOOKUP = "lookup"
    NONE = "none"


class DeleteMode(StrEnum):
    """What a delete does at the provider."""

    DELETE = "delete"
    CANCEL = "cancel"
    ANONYMISE = "anonymise"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do, so that the core need not ask it.

    Attributes:
        supports_update: an object can be changed in place.
        supports_delete: an object can be taken away.
        upsert: create and update are one call that may be repeated.
        idempotency: what makes a repeated create safe.
        request_key_ttl_s: how long the provider remembers an idempotency key.
        lookup_lag_s: how long after its answer the provider may take to show what it saved.
        reference_reusable: whether a reference can be used again after a delete.
        carries_source: the source travels with the reference, so that two sources' references cannot collide.
        requests: the most requests that each operation may make; 1 where it is not named.
        batch: the most commands in one call of `apply_many`; 1 means there is none. A call is one request.
        batch_operations: the operations that `apply_many` takes; all commands of one call are of the same.
        requires: what a create or update cannot do without.
        order_types: the order types that the provider serves; empty means all.
        delete_mode: what a delete does.
        async_apply: answers may be `Accepted`.
        dispatches_courier: a create orders a real courier.
        has_fetch: `fetch` reads back what the provider holds.
        rate: the provider's documented rate limit, as `100/min`; None if there is none.
        max_lengths: the most characters that a field may have, by the field's dotted name in `content`.
        immutable_fields: fields of `content`, by dotted name, that an update cannot change.
    """

    supports_update: bool = True
    supports_delete: bool = True
    upsert: bool = False
    idempotency: Idempotency = Idempotency.NONE
    request_key_ttl_s: float = 0.0
    lookup_lag_s: float = 0.0
    reference_reusable: bool = True
    carries_source: bool = False
    requests: Mapping[Operation, int] = field(default_factory=dict)
    batch: int = 1
    batch_operations: frozenset[Operation] = frozenset({Operation.CREATE, Operation.UPDATE})
    requires: frozenset[Requirement] = frozenset()
    order_types: frozenset[str] = frozenset()
    delete_mode: DeleteMode = DeleteMode.DELETE
    async_apply: bool = False
    dispatches_courier: bool = False
    has_fetch: bool = False
    rate: str | None = None
    max_lengths: Mapping[str, int] = field(default_factory=dict)
    immutable_fields: frozenset[str] = frozenset()

    @property
    def repeatable_create(self) -> bool:
        """Whether a create in doubt may simply be sent again in its newest state."""
        return self.upsert or self.idempotency is Idempotency.NATURAL_KEY

    def requests_of(self, operation: Operation) -> int:
        """The most requests that one operation may make."""
        return self.requests.get(operation, 1)

    def batch_of(self, operation: Operation) -> int:
        """The most commands of one operation in one call."""
        return self.batch if operation in self.batch_operations else 1

    def unmet(self, customer: Customer, order: OrderSnapshot | None) -> Requirement | None:
        """What a create or update of this state lacks, None if nothing."""
        return next((one for one in sorted(self.requires) if not has(one, customer, order)), None)


@runtime_checkable
class Adapter(Protocol):
    """One configured provider. Instances are shared by concurrent calls and live as long as the configuration.

    What may be there besides: `documentation`, a `Documentation` of the class, for its page; `allow_private` of the
    instance, False if its address must not lie in a private network; and `example_answer`
    (`sendto.sdk.rehearsal.ExampleAnswers`), which an adapter has that may make several requests for a command.
    """

    name: ClassVar[str]
    api_version: ClassVar[int]
    Config: ClassVar[type[BaseModel]]
    capabilities: Capabilities

    def content(self, command: Command) -> dict[str, Any]:
        """What the provider would hold after this create or update, as plain JSON values (pure).

        The core compares keyed digests of it: an update that changes nothing makes no call.
        """

    def translate(self, command: Command) -> HttpRequest:
        """The first request that `apply` would make (pure)."""

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command. Expected failures are outcomes; `HttpFailure` may pass through to the core."""

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """The provider's id for our reference, or None if it holds nothing. Raises HttpFailure or LookupFailed."""

    async def check(self, http: Http) -> Health:
        """Whether address and credentials work, without changing anything."""


@runtime_checkable
class BatchAdapter(Adapter, Protocol):
    """An adapter whose provider takes several commands in one request."""

    async def apply_many(self, commands: Sequence[Command], http: Http) -> list[Outcome]:
        """Carry out several commands in one request; one outcome for each, in order."""


@runtime_checkable
class FetchingAdapter(Adapter, Protocol):
    """An adapter that can read back what its provider holds."""

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What the provider holds under this id, or None. Raises HttpFailure or LookupFailed."""


class LookupFailed(Exception):  # noqa: N818 - named for what happened
    """A look-up got an answer that tells neither presence nor absence; `outcome` says what it was."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome
