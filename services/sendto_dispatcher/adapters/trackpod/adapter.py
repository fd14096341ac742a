"""The trackpod adapter: an order of Track-POD under our own id; it is changed first, and made where it is missing."""

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel

from sendto.sdk import (
    Capabilities,
    Command,
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
from sendto_dispatcher.adapters.trackpod import examples, translate
from sendto_dispatcher.adapters.trackpod.answers import MISSING, outcome_of
from sendto_dispatcher.adapters.trackpod.config import TrackPodConfig
from sendto_dispatcher.adapters.trackpod.page import DOCUMENTATION


class TrackPodAdapter:
    """Keeps an order of Track-POD for every order."""

    name: ClassVar[str] = "trackpod"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = TrackPodConfig
    documentation: ClassVar[Documentation] = DOCUMENTATION

    def __init__(self, config: TrackPodConfig) -> None:
        self._base_url = base(config.base_url)
        self._headers = {"x-api-key": config.api_key.get_secret_value(), "accept": "application/json"}
        self._depot_id = config.depot_id
        self.capabilities = Capabilities(
            upsert=True,
            idempotency=Idempotency.NATURAL_KEY,
            requests={Operation.CREATE: 2, Operation.UPDATE: 2},
            requires=frozenset({Requirement.DELIVERY_ADDRESS}),
            async_apply=True,
            has_fetch=True,
            # The second limit, 20 a second, is kept by this one: the relay spaces its requests.
            rate="400/min",
            max_lengths={
                "Client": translate.TEXT_CHARACTERS,
                "ContactName": translate.TEXT_CHARACTERS,
                "Email": translate.TEXT_CHARACTERS,
                "Address": translate.TEXT_CHARACTERS,
                "Note": translate.NOTE_CHARACTERS,
            },
        )

    def content(self, command: Command) -> dict[str, Any]:
        """What Track-POD would hold (pure)."""
        return translate.content(command)

    def translate(self, command: Command) -> HttpRequest:
        """The first request of a command (pure)."""
        if command.operation is Operation.DELETE:
            return HttpRequest("DELETE", translate.place(command.reference, self._base_url), self._headers)
        return translate.put(command, self._base_url, self._headers, self._depot_id)

    def example_answer(self, command: Command, request: HttpRequest, number: int) -> HttpResponse:
        """Track-POD's answer to a request on the way of a command, as it is documented (pure)."""
        del number  # its ids are our references
        return examples.answer(command, request)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command."""
        if command.operation is Operation.DELETE:
            return self._outcome(command, await http.send(self.translate(command)))
        problem = translate.problem(command)
        if problem is not None:
            return problem
        response = await http.send(self.translate(command))
        if response.status not in MISSING:
            return self._outcome(command, response)
        response = await http.send(translate.post(command, self._base_url, self._headers, self._depot_id))
        return self._outcome(replace(command, operation=Operation.CREATE), response)

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Our reference, if Track-POD holds it."""
        return RemoteRef(reference) if await self._get(reference, http) is not None else None

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What Track-POD holds under our reference."""
        order = await self._get(remote.value, http)
        return None if order is None else RemoteState(remote, translate.held(order))

    async def check(self, http: Http) -> Health:
        """Whether the key works."""
        response = await http.send(HttpRequest("GET", f"{self._base_url}/Test", self._headers))
        return Health(HealthVerdict.PASSES) if response.status == HTTPStatus.OK else health_of(response)

    async def _get(self, reference: str, http: Http) -> dict[str, Any] | None:
        request = HttpRequest("GET", translate.place(reference, self._base_url), self._headers)
        response = await http.send(request)
        if response.status in MISSING:
            return None
        order = json_object(response)
        if response.status != HTTPStatus.OK or order.get("Id") != reference:
            raise read_failed(response)
        return order

    def _outcome(self, command: Command, response: HttpResponse) -> Outcome:
        return outcome_of(command.reference, command.operation, response, self.capabilities, now=datetime.now(UTC))
