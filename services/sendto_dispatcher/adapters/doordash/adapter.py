"""The doordash adapter: a delivery, and so a real courier, for every order."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel

from sendto.sdk import (
    Capabilities,
    Command,
    DeleteMode,
    Documentation,
    Health,
    HealthVerdict,
    Http,
    HttpRequest,
    HttpResponse,
    Idempotency,
    Operation,
    Outcome,
    RemoteRef,
    RemoteState,
    Requirement,
)
from sendto.sdk.reading import health_of, read_failed
from sendto.sdk.translation import json_object
from sendto.sdk.urls import base
from sendto_dispatcher.adapters.doordash import examples, translate
from sendto_dispatcher.adapters.doordash.answers import CANCELLED, is_duplicate, outcome_of
from sendto_dispatcher.adapters.doordash.config import DoorDashConfig, signing_key
from sendto_dispatcher.adapters.doordash.page import DOCUMENTATION
from sendto_dispatcher.adapters.doordash.tokens import Tokens

_NO_DELIVERY = "sendto-check"
"""an id that no order has"""


class DoorDashAdapter:
    """Orders a courier for every order, and keeps the delivery's customer right."""

    name: ClassVar[str] = "doordash"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = DoorDashConfig
    documentation: ClassVar[Documentation] = DOCUMENTATION

    def __init__(self, config: DoorDashConfig) -> None:
        self._base_url = base(config.base_url)
        self._tokens = Tokens(config.developer_id, config.key_id, signing_key(config.signing_secret))
        self._pickup = config.pickup
        self._at_order_time = config.at_order_time
        self.capabilities = Capabilities(
            idempotency=Idempotency.NATURAL_KEY,
            reference_reusable=False,
            requests={Operation.CREATE: 2},
            requires=frozenset({Requirement.DELIVERY_ADDRESS, Requirement.PHONE}),
            order_types=frozenset({"delivery"}),
            delete_mode=DeleteMode.CANCEL,
            dispatches_courier=True,
            has_fetch=True,
            rate="300/min",
            max_lengths={
                "dropoff_contact_given_name": translate.NAME_CHARACTERS,
                "dropoff_contact_family_name": translate.NAME_CHARACTERS,
                "dropoff_instructions": translate.TEXT_CHARACTERS,
            },
        )

    def content(self, command: Command) -> dict[str, Any]:
        """What DoorDash would hold (pure)."""
        return translate.content(command, at_order_time=self._at_order_time)

    def translate(self, command: Command) -> HttpRequest:
        """The first request of a command, with a token as of now."""
        match command.operation:
            case Operation.CREATE:
                return translate.create(
                    command, self._base_url, self._headers, self._pickup, at_order_time=self._at_order_time
                )
            case Operation.UPDATE:
                return translate.update(command, self._base_url, self._headers, at_order_time=self._at_order_time)
            case Operation.DELETE:
                return translate.cancel(command.reference, self._base_url, self._headers)

    def example_answer(self, command: Command, request: HttpRequest, number: int) -> HttpResponse:
        """DoorDash's answer to a request on the way of a command, as it is documented (pure)."""
        del number  # its ids are our references
        return examples.answer(command, request)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command; a create of what is there already is an update of it."""
        response = await http.send(self.translate(command))
        operation = command.operation
        if operation is Operation.CREATE and is_duplicate(response):
            request = translate.update(command, self._base_url, self._headers, at_order_time=self._at_order_time)
            response = await http.send(request)
        return outcome_of(command.reference, operation, response, self.capabilities, now=datetime.now(UTC))

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Our reference, if there is a delivery that was not cancelled."""
        return RemoteRef(reference) if await self._get(reference, http) is not None else None

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What DoorDash holds under our reference; its own way of writing addresses and times is left out."""
        delivery = await self._get(remote.value, http)
        return None if delivery is None else RemoteState(remote, translate.held(delivery))

    async def check(self, http: Http) -> Health:
        """Whether the access key works: asks for a delivery that does not exist."""
        request = HttpRequest("GET", translate.place(_NO_DELIVERY, self._base_url), self._headers)
        response = await http.send(request)
        unknown = response.status == HTTPStatus.NOT_FOUND and json_object(response).get("code") == "unknown_delivery_id"
        return Health(HealthVerdict.PASSES) if unknown else health_of(response)

    async def _get(self, reference: str, http: Http) -> dict[str, Any] | None:
        request = HttpRequest("GET", translate.place(reference, self._base_url), self._headers)
        response = await http.send(request)
        if _unknown(response):
            return None
        delivery = json_object(response)
        if response.status != HTTPStatus.OK or delivery.get("external_delivery_id") != reference:
            raise read_failed(response)
        return None if delivery.get("delivery_status") == CANCELLED else delivery

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._tokens.current()}"}


def _unknown(response: HttpResponse) -> bool:
    return response.status == HTTPStatus.NOT_FOUND
