"""The spoke adapter: a stop for every order, followed onto the plan that a dispatcher puts it on."""

import base64
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel

from sendto.sdk import (
    AlreadyAbsent,
    Capabilities,
    Command,
    Documentation,
    Health,
    HealthVerdict,
    Http,
    HttpRequest,
    HttpResponse,
    Idempotency,
    LookupFailed,
    Operation,
    Outcome,
    RemoteRef,
    RemoteState,
    Requirement,
)
from sendto.sdk.reading import health_of, read_failed
from sendto.sdk.translation import json_object, json_objects
from sendto.sdk.urls import base
from sendto_dispatcher.adapters.spoke import examples, translate
from sendto_dispatcher.adapters.spoke.answers import outcome_of
from sendto_dispatcher.adapters.spoke.config import SpokeConfig
from sendto_dispatcher.adapters.spoke.page import DOCUMENTATION

_LOOKUP_LAG_S = 2.0


class SpokeAdapter:
    """Keeps a stop of Spoke for every order."""

    name: ClassVar[str] = "spoke"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = SpokeConfig
    documentation: ClassVar[Documentation] = DOCUMENTATION

    def __init__(self, config: SpokeConfig) -> None:
        self._base_url = base(config.base_url)
        key = base64.b64encode(f"{config.api_key.get_secret_value()}:".encode()).decode()
        self._headers = {"authorization": f"Basic {key}"}
        self._depot = config.depot
        self.capabilities = Capabilities(
            idempotency=Idempotency.LOOKUP,
            lookup_lag_s=_LOOKUP_LAG_S,
            requests={Operation.UPDATE: 3, Operation.DELETE: 3},
            requires=frozenset({Requirement.DELIVERY_ADDRESS}),
            has_fetch=True,
            rate="5/s",
            max_lengths={
                "name": translate.TEXT_CHARACTERS,
                "email": translate.TEXT_CHARACTERS,
                "notes": translate.NOTES_CHARACTERS,
            },
        )

    def content(self, command: Command) -> dict[str, Any]:
        """What Spoke would hold, but for the address, which no update can change (pure)."""
        return translate.content(command)

    def translate(self, command: Command) -> HttpRequest:
        """The first request of a command (pure)."""
        if command.operation is Operation.CREATE:
            return translate.create(command, self._base_url, self._headers, self._depot)
        known = _known(command)
        if known is None:
            return translate.unassigned(command.reference, self._base_url, self._headers)
        return self._change(command, known)

    def example_answer(self, command: Command, request: HttpRequest, number: int) -> HttpResponse:
        """Spoke's answer to a request on the way of a command, as it is documented (pure)."""
        return examples.answer(command, request, number)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command. A stop that is not where it was has been planned, or is gone."""
        if command.operation is Operation.CREATE:
            return self._outcome(command, await http.send(self.translate(command)))
        known = _known(command)
        try:
            if known is None:
                return await self._change_found(command, await self.find(command.reference, http), http)
            response = await http.send(self._change(command, known))
            if response.status != HTTPStatus.NOT_FOUND:
                return self._outcome(command, response)
            return await self._change_found(command, await self._search(command.reference, http), http)
        except LookupFailed as failure:
            return failure.outcome

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Spoke's id of the stop, whether it is on a plan or not."""
        response = await http.send(translate.unassigned(reference, self._base_url, self._headers))
        stops = json_object(response).get("unassignedStops")
        if response.status != HTTPStatus.OK or not isinstance(stops, list):
            raise read_failed(response)
        return _of(json_objects(stops), reference) or await self._search(reference, http)

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What Spoke holds under an id of its own."""
        known = translate.usable(remote.value)
        if known is None:
            return None
        response = await http.send(HttpRequest("GET", f"{self._base_url}/{known}", self._headers))
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        stop = json_object(response)
        if response.status != HTTPStatus.OK or translate.identifier(stop) is None:
            raise read_failed(response)
        return RemoteState(remote, translate.held(stop))

    async def check(self, http: Http) -> Health:
        """Whether the key works."""
        request = HttpRequest("GET", f"{self._base_url}/unassignedStops?maxPageSize=1", self._headers)
        response = await http.send(request)
        if response.status == HTTPStatus.OK and "unassignedStops" in json_object(response):
            return Health(HealthVerdict.PASSES)
        return health_of(response)

    async def _search(self, reference: str, http: Http) -> RemoteRef | None:
        response = await http.send(translate.anywhere(reference, self._base_url, self._headers))
        found = json_object(response).get("stops")
        if response.status != HTTPStatus.OK or not isinstance(found, list):
            raise read_failed(response)
        stops = [stop for entry in json_objects(found) for stop in json_objects(list(entry.values()))]
        return _of(stops, reference)

    async def _change_found(self, command: Command, remote: RemoteRef | None, http: Http) -> Outcome:
        if remote is None or remote == command.remote:  # where it is said to be, it was not found just now
            return AlreadyAbsent()
        return self._outcome(command, await http.send(self._change(command, remote.value)))

    def _change(self, command: Command, known: str) -> HttpRequest:
        if command.operation is Operation.DELETE:
            return HttpRequest("DELETE", f"{self._base_url}/{known}", self._headers)
        return translate.update(command, known, self._base_url, self._headers)

    def _outcome(self, command: Command, response: HttpResponse) -> Outcome:
        return outcome_of(command.operation, response, self.capabilities, now=datetime.now(UTC))


def _known(command: Command) -> str | None:
    return None if command.remote is None else translate.usable(command.remote.value)


def _of(stops: list[dict[str, Any]], reference: str) -> RemoteRef | None:
    own = (translate.identifier(stop) for stop in stops if translate.belongs(stop, reference))
    return next((RemoteRef(found) for found in own if found is not None), None)
