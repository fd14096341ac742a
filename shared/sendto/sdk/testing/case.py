"""What an adapter's author gives the kit: the adapter, a configuration, and the provider in miniature."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sendto.events.customer import OrderSnapshot
from sendto.sdk.adapter import Adapter
from sendto.sdk.testing.messages import Answer, Received
from sendto.sdk.testing.people import ORDER


class Fake(ABC):
    """The provider in miniature: a new one is empty. It knows no faults; the kit makes those around it.

    It must be as strict as the provider is. Above all it has to make a second object wherever the provider would:
    a fake that is kinder than the provider hides the very mistakes that the kit looks for.
    """

    @abstractmethod
    def answer(self, request: Received) -> Answer:
        """Carry one request out, and answer it."""

    @abstractmethod
    def held(self, reference: str) -> Sequence[Mapping[str, Any]]:
        """Every object that it holds for this reference of ours, as plain JSON values."""

    def expire_tokens(self) -> None:  # noqa: B027 - most providers have none
        """Take no access token any more that was handed out until now."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One adapter in one configuration.

    Attributes:
        adapter: the adapter's class.
        config: its configuration, made from the address of the scripted provider; secrets as they are.
        fake: makes an empty provider.
        name: what to call the case; without one, the adapter's name.
        hosts: origins (`https://api.acme.example`) that the adapter has built in; they lead to the scripted provider.
        refusals: answers with a status of 2xx in which this provider says no.
        is_token_request: tells the requests that only get an access token.
        order: the order that is sent.
        specification: the provider's own OpenAPI document; every request must be valid against it.
        specification_server: the address of the document's server, where it names several or none.
    """

    adapter: type[Adapter]
    config: Callable[[str], Mapping[str, Any]]
    fake: Callable[[], Fake]
    name: str = ""
    hosts: frozenset[str] = frozenset()
    refusals: Sequence[Answer] = ()
    is_token_request: Callable[[Received], bool] = field(default=lambda _: False)
    order: OrderSnapshot = ORDER
    specification: Path | None = None
    specification_server: str | None = None

    @property
    def title(self) -> str:
        """What the case is called."""
        return self.name or self.adapter.name
