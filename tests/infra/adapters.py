"""The adapters that are held against their providers' documents, each with its scripted provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.providers.doordash import DEVELOPER_ID, KEY_ID, SIGNING_SECRET, DoorDash
from infra.providers.karrio import KEY as KARRIO_KEY
from infra.providers.karrio import Karrio
from infra.providers.scripted import Asked, Scripted
from infra.providers.sendcloud import INTEGRATION, KEYS, Sendcloud
from infra.providers.spoke import KEY as SPOKE_KEY
from infra.providers.spoke import Spoke
from infra.providers.trackpod import KEY as TRACKPOD_KEY
from infra.providers.trackpod import TrackPod
from infra.secret_settings import with_sources
from sendto.events.customer import Address, Customer, OrderSnapshot
from sendto.sdk import Adapter, Command, Operation, RemoteRef
from sendto.sdk.testing import Answer, Fake, Received
from sendto.sdk.testing import Case as KitCase
from sendto_dispatcher.engine.provider import load_adapter

ADDRESS = Address(address_1="2 St Josephs Crescent", city="Liverpool", postcode="L3 3JF", country="GB")
ORDER = OrderSnapshot(
    order_type="delivery", order_total=15.04, currency="GBP", payment="cod", comment="Ring twice", address=ADDRESS
)


@dataclass(frozen=True)
class Case:
    """One adapter under test."""

    name: str
    provider: Callable[[], Scripted]
    config: Mapping[str, Any]
    base_path: str
    """the path of the API, after the host"""
    host: str
    """where the API is"""
    document: str | None = None
    """the provider's document, in the folder of documents"""

    def adapter(self, host: str | None = None, **more: Any) -> Adapter:
        """The adapter, speaking to the API or to another host that behaves like it."""
        base_url = f"{host or self.host}{self.base_path}"
        adapter = load_adapter(self.name)
        config = adapter.Config.model_validate({**self.config, "base_url": base_url, **more})
        return adapter(config)  # type: ignore[call-arg]  # the protocol leaves constructors to the classes

    def kit(self) -> KitCase:
        """The case for the conformance kit."""
        return KitCase(
            adapter=load_adapter(self.name),
            config=lambda url: {**self.config, "base_url": f"{url}{self.base_path}"},
            fake=lambda: Miniature(self.provider()),
        )

    def settings(self, host: str) -> dict[str, Any]:
        """The settings of a provider that is served at a host."""
        return {
            "adapter": self.name,
            "config": with_sources(self.name, self.config) | {"base_url": f"{host}{self.base_path}"},
        }


class Miniature(Fake):
    """A scripted provider as the conformance kit wants it."""

    def __init__(self, provider: Scripted) -> None:
        self._provider = provider

    def answer(self, request: Received) -> Answer:
        """One request."""
        query = {name: values[0] for name, values in request.query.items()}
        answer = self._provider.answer(Asked(request.method, request.path, query, request.headers, request.body))
        assert answer is not None
        return Answer(answer.status, answer.body, answer.headers)

    def held(self, reference: str) -> list[dict[str, Any]]:
        """Its objects for a reference."""
        return self._provider.held(reference)


CASES = {
    case.name: case
    for case in (
        Case(
            name="sendcloud",
            provider=Sendcloud,
            config={
                "public_key": KEYS[0],
                "secret_key": KEYS[1],
                "integration_id": INTEGRATION,
                "default_currency": "EUR",
                "save_s": 0.01,
            },
            base_path="/api/v3",
            host="https://panel.sendcloud.sc",
            document="sendcloud/sendcloud-v3-orders-openapi.yml",
        ),
        Case(
            name="karrio",
            provider=Karrio,
            config={"api_key": KARRIO_KEY, "default_country": "GB"},
            base_path="",
            host="https://karrio.example",
            document="karrio/openapi.yml",
        ),
        Case(
            name="spoke",
            provider=Spoke,
            config={"api_key": SPOKE_KEY, "depot": "depots/north"},
            base_path="/public/v1",
            host="https://api.spoke.com",
            document="circuit-spoke/circuit-v1-openapi-original.json",
        ),
        Case(
            name="trackpod",
            provider=TrackPod,
            config={"api_key": TRACKPOD_KEY, "depot_id": "depot-7"},
            base_path="",
            host="https://api.track-pod.com",
            document="track-pod/track-pod-openapi.yml",
        ),
        Case(
            name="doordash",
            provider=DoorDash,
            config={
                "acknowledge": "every order here orders a real courier",
                "developer_id": DEVELOPER_ID,
                "key_id": KEY_ID,
                "signing_secret": SIGNING_SECRET,
                "pickup_address": "901 Market Street 6th Floor San Francisco, CA 94103",
                "pickup_phone_number": "+16505555555",
            },
            base_path="",
            host="https://openapi.doordash.com",
        ),
    )
}


def command(operation: Operation, *, reference: str = "51342", remote: str | None = None, **more: Any) -> Command:
    """A command for Ada Lovelace's order; `more` changes the customer."""
    person = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@shop.test", "mobile_e164": "+447700900123"}
    order = more.pop("order", ORDER)
    return Command(
        operation=operation,
        reference=reference,
        source="/shop/upstream",
        order_id=51342,
        version=7,
        generation=1,
        customer=None if operation is Operation.DELETE else Customer(**(person | more)),
        order=order,
        remote=None if remote is None else RemoteRef(remote),
        idempotency_key="sendto-1-1",
        occurred_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        attempt=1,
        deadline_s=10.0,
    )
